package import NIOCore

/// What is said on a new connection before anything else: AUTH, SELECT, PING and INFO server, in one write. PING tells
/// whether Redis is able to serve, and INFO its version; a Redis that does not let us ask is taken for one that can be used.
package struct RedisHandshake {
    enum Step: Equatable {
        case authenticate
        case select
        case ping
        case version
    }

    package enum Progress: Equatable {
        case underWay
        case complete
        case refused(RedisOutage)
    }

    private let address: RedisAddress
    private let steps: [Step]
    private var answered = 0

    package init(address: RedisAddress) {
        self.address = address
        var steps: [Step] = []
        if address.password != nil { steps.append(.authenticate) }
        if address.database != 0 { steps.append(.select) }
        self.steps = steps + [.ping, .version]
    }

    package func encode(into buffer: inout ByteBuffer) {
        for step in steps {
            switch step {
            case .authenticate:
                let credentials = [address.user, address.password].compactMap(\.self)
                RedisCommand.encode(["AUTH"] + credentials, into: &buffer)
            case .select: RedisCommand.encode("SELECT", String(address.database), into: &buffer)
            case .ping: RedisCommand.encode("PING", into: &buffer)
            case .version: RedisCommand.encode("INFO", "server", into: &buffer)
            }
        }
    }

    /// Takes the replies in order.
    package mutating func receive(_ reply: RedisReply) -> Progress {
        guard answered < steps.count else { return .complete }
        let step = steps[answered]
        answered += 1
        if let outage = outage(step, reply) { return .refused(outage) }
        return answered == steps.count ? .complete : .underWay
    }

    private func outage(_ step: Step, _ reply: RedisReply) -> RedisOutage? {
        switch (step, reply) {
        case (.authenticate, .error(let sentence)): RedisOutage("AUTH: \(sentence)", isRefusal: true)
        case (.select, .error(let sentence)): refusal(sentence, of: "SELECT \(address.database)")
        case (.ping, .error(let sentence)): refusal(sentence, of: "PING")
        case (.version, .bulk(let text)):
            RedisVersion(info: String(buffer: text)).flatMap { $0.isTooOld ? .tooOld($0) : nil }
        default: nil
        }
    }

    private func refusal(_ sentence: String, of command: String) -> RedisOutage {
        let isRefusal = ["WRONGPASS", "NOAUTH", "NOPERM"].contains { sentence.hasPrefix($0) }
        return RedisOutage("\(command): \(sentence)", isRefusal: isRefusal)
    }
}
