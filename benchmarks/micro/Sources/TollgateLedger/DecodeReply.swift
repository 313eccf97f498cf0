import NIOCore

/// A run: the reply to a batch of 128 CHECKs, all of them allowed, becomes answers.
package struct DecodeReply {
    private let plans: [ScopePlan]
    private let reply: ByteBuffer

    package init(_ scopes: [[ScopePlan]]) {
        plans = batchesOfChecks(on: scopes)[0].encoder.plans
        reply = Self.reply()
    }

    /// As batch.lua packs it: status, time; for each CHECK the outcome, the place of a scope and of its limit, what is used
    /// of that, and the ms until nothing of it counts any more.
    private static func reply() -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.writeMessagePack(arrayOf: 2 + 5 * checksInBatch)
        bytes.writeMessagePack(1)
        bytes.writeMessagePack(1_800_000_000_000)
        for place in 1...Int64(checksInBatch) {
            bytes.writeMessagePack(Answer.Outcome.allow.rawValue)
            bytes.writeMessagePack(place)
            bytes.writeMessagePack(1)
            bytes.writeMessagePack(place * 100)
            bytes.writeMessagePack(61_940)
        }
        return bytes
    }

    package mutating func run(_ times: Int) -> Int {
        var sum = 0
        for _ in 0..<times {
            guard var answers = BatchReply(reply, plans: plans) else { preconditionFailure("the reply is well-formed") }
            for _ in 0..<checksInBatch {
                guard let answer = answers.next() else { preconditionFailure("the reply answers every CHECK") }
                sum &+= Int(answer.used)
            }
        }
        return sum
    }

    /// The answers of the reply.
    package func answers() -> [KeptAnswer] {
        guard var answers = BatchReply(reply, plans: plans) else { preconditionFailure("the reply is well-formed") }
        return (0..<checksInBatch).map { _ in
            guard let answer = answers.next() else { preconditionFailure("the reply answers every CHECK") }
            return KeptAnswer(answer)
        }
    }
}

/// An answer that is lent as often as it is asked for.
package final class KeptAnswer {
    package let answer: Answer

    init(_ answer: consuming Answer) {
        self.answer = answer
    }
}
