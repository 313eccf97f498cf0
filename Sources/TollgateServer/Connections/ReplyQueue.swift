import DequeModule
import NIOCore

/// Keeps the replies of one session in the order of its requests. A reply whose turn has come is written straight to the
/// output; one that is ready too early waits in its slot. Pure; owned by the session.
struct ReplyQueue {
    private enum Slot {
        case waiting
        case ready(ByteBuffer)
    }

    private var slots = Deque<Slot>()
    /// The ticket of the first slot.
    private var firstTicket = 0
    /// The place of the first reply that has not reached the output, and the one behind the last.
    var start: Int { firstTicket }
    var end: Int { firstTicket + slots.count }
    /// What can be written to the client.
    private(set) var output: ByteBuffer

    init(allocator: ByteBufferAllocator) {
        output = allocator.buffer(capacity: 1_024)
    }

    /// Replies that have not reached the output.
    var count: Int { slots.count }

    /// Takes a place in the order for a reply that comes later.
    mutating func reserve() -> Int {
        slots.append(.waiting)
        return firstTicket + slots.count - 1
    }

    /// A reply that is known at once.
    mutating func append(_ write: (inout ByteBuffer) -> Void) {
        guard !slots.isEmpty else { return write(&output) }
        var bytes = ByteBuffer()
        write(&bytes)
        slots.append(.ready(bytes))
    }

    /// The reply for a place taken before. Filling a place twice is a fault of the caller and does nothing.
    mutating func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void) {
        let index = ticket - firstTicket
        guard slots.indices.contains(index), case .waiting = slots[index] else { return }
        guard index == 0 else {
            var bytes = ByteBuffer()
            write(&bytes)
            slots[index] = .ready(bytes)
            return
        }
        write(&output)
        dropFirst()
        while case .ready(var bytes)? = slots.first {
            output.writeBuffer(&bytes)
            dropFirst()
        }
    }

    private mutating func dropFirst() {
        slots.removeFirst()
        firstTicket += 1
    }

    /// Hands the output over, leaving an empty one of the same size.
    mutating func takeOutput(allocator: ByteBufferAllocator) -> ByteBuffer {
        let taken = output
        output = allocator.buffer(capacity: max(1_024, taken.readableBytes))
        return taken
    }
}
