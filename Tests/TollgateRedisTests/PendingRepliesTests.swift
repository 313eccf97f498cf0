import NIOCore
import Testing
import TollgateCore

@testable import TollgateRedis

@Suite struct PendingRepliesTests {
    private static func time(_ second: UInt64) -> NIODeadline { .uptimeNanoseconds(second * 1_000_000_000) }

    private final class Log {
        var results: [String] = []

        func completion(_ name: String) -> RedisLink.Completion {
            { result in
                switch result {
                case .success: self.results.append("\(name) answered")
                case .failure(let error): self.results.append("\(name) \(error)")
                }
            }
        }
    }

    @Test("replies go to commands in order, and the reply of an expired command is dropped")
    func order() {
        let log = Log()
        var pending = PendingReplies()
        pending.append(deadline: nil, log.completion("a"))
        pending.append(deadline: Self.time(5), log.completion("b"))
        pending.append(deadline: Self.time(3), log.completion("c"))
        #expect(pending.earliestDeadline == Self.time(3))
        #expect(pending.expire(at: Self.time(2)).isEmpty)
        for completion in pending.expire(at: Self.time(3)) { completion(.failure(.timedOut)) }
        #expect(pending.earliestDeadline == Self.time(5))
        #expect(pending.expire(at: Self.time(4)).isEmpty)
        for _ in 0..<3 {
            if case .completion(let completion) = pending.next() { completion(.success(.null)) }
        }
        #expect(log.results == ["c \(RedisError.timedOut)", "a answered", "b answered"])
        #expect(pending.isEmpty)
        guard case .none = pending.next() else {
            Issue.record("a reply is owed")
            return
        }
    }

    @Test("what is removed has no expired command")
    func removed() {
        let log = Log()
        var pending = PendingReplies()
        pending.append(deadline: Self.time(1), log.completion("a"))
        pending.append(deadline: Self.time(2), log.completion("b"))
        for completion in pending.expire(at: Self.time(1)) { completion(.failure(.timedOut)) }
        for completion in pending.removeAll() { completion(.failure(.connectionLost("gone"))) }
        #expect(log.results.count == 2)
        #expect(log.results.last?.hasPrefix("b ") == true)
        #expect(pending.isEmpty && pending.earliestDeadline == nil)
    }

    @Test(
        "each completion is called once, in whatever order replies, deadlines and the end come",
        arguments: UInt64(0)..<50)
    func once(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var pending = PendingReplies()
        var calls: [Int: Int] = [:]
        var (made, now) = (0, UInt64(1))
        for _ in 0..<400 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let number = made
                made += 1
                let deadline =
                    Bool.random(using: &random) ? Self.time(now + UInt64.random(in: 0...5, using: &random)) : nil
                pending.append(deadline: deadline) { _ in calls[number, default: 0] += 1 }
            case 5..<8:
                if case .completion(let completion) = pending.next() { completion(.success(.null)) }
            case 8:
                now += 1
                for completion in pending.expire(at: Self.time(now)) { completion(.failure(.timedOut)) }
                #expect(pending.earliestDeadline.map { $0 > Self.time(now) } ?? true)
            default:
                if Int.random(in: 0..<10, using: &random) == 0 {
                    for completion in pending.removeAll() { completion(.failure(.timedOut)) }
                }
            }
        }
        for completion in pending.removeAll() { completion(.failure(.timedOut)) }
        #expect(calls.count == made && calls.values.allSatisfy { $0 == 1 })
    }
}
