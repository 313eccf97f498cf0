import DequeModule
import NIOCore

/// The replies of one session, in the order of its requests. The next reply in order is written straight to the output;
/// one that is ready earlier waits in its slot. Pure. Owned by the session.
struct ReplyQueue {
    private enum Slot {
        case waiting
        case ready(ByteBuffer)
    }

    private var slots = Deque<Slot>()
    /// The ticket of the first reply that has not reached the output.
    private(set) var firstTicket = 0
    /// The replies that can be written to the client.
    private(set) var output: ByteBuffer

    init(allocator: ByteBufferAllocator) {
        output = allocator.buffer(capacity: 1_024)
    }

    /// The number of replies that have not reached the output.
    var count: Int { slots.count }

    /// The ticket of the next reply.
    var nextTicket: Int { firstTicket + slots.count }

    /// Reserves the next position in the order for a reply that comes later. Returns its ticket.
    mutating func reserve() -> Int {
        slots.append(.waiting)
        return firstTicket + slots.count - 1
    }

    /// Appends a reply that is known immediately.
    mutating func append(_ write: (inout ByteBuffer) -> Void) {
        guard !slots.isEmpty else { return write(&output) }
        var bytes = ByteBuffer()
        write(&bytes)
        slots.append(.ready(bytes))
    }

    /// Writes the reply for a ticket. Filling a ticket twice is a programmer error and has no effect.
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

    /// Returns the output and replaces it by an empty buffer of the same size.
    mutating func takeOutput(allocator: ByteBufferAllocator) -> ByteBuffer {
        let taken = output
        output = allocator.buffer(capacity: max(1_024, taken.readableBytes))
        return taken
    }
}
