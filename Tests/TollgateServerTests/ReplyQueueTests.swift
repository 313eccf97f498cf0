import NIOCore
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateServer

@Suite struct ReplyQueueTests {
    private func queue() -> ReplyQueue { ReplyQueue(allocator: ByteBufferAllocator()) }

    @Test(
        "replies are written in the order of their requests, whatever the order in which they become ready",
        arguments: 0..<50)
    func order(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var queue = queue()
        var expected = ""
        var tickets: [(ticket: Int, text: String)] = []
        for number in 0..<200 {
            let text = "\(number),"
            expected += text
            if Bool.random(using: &random) {
                queue.append { $0.writeString(text) }
            } else {
                tickets.append((queue.reserve(), text))
            }
            if !tickets.isEmpty, Bool.random(using: &random) {
                let (ticket, text) = tickets.remove(at: Int.random(in: tickets.indices, using: &random))
                queue.fill(ticket) { $0.writeString(text) }
            }
        }
        for (ticket, text) in tickets.shuffled(using: &random) { queue.fill(ticket) { $0.writeString(text) } }
        #expect(queue.count == 0)
        #expect(String(buffer: queue.takeOutput(allocator: ByteBufferAllocator())) == expected)
    }

    @Test("a ticket is filled once")
    func once() {
        var queue = queue()
        let ticket = queue.reserve()
        _ = queue.reserve()
        queue.fill(ticket) { $0.writeString("first ") }
        queue.fill(ticket) { $0.writeString("again ") }
        queue.fill(ticket + 5) { $0.writeString("never ") }
        #expect(queue.count == 1)
        #expect(String(buffer: queue.takeOutput(allocator: ByteBufferAllocator())) == "first ")
    }
}
