package import NIOCore

/// The first commands on a new connection: AUTH, SELECT, PING, INFO server and those of the requirement, in one write.
///
/// PING checks that Redis can serve, and INFO returns its version. A Redis that denies INFO counts as usable.
package struct RedisHandshake {
    enum Step: Equatable {
        case authenticate
        case select
        case ping
        case version
        case require([String])
    }

    /// The state of the handshake after a reply.
    package enum Progress: Equatable {
        case underWay
        case complete
        case refused(RedisOutage)
    }

    private let address: RedisAddress
    private let requirement: RedisRequirement?
    private let steps: [Step]
    private var answered = 0
    /// The version of Redis; nil before the reply to INFO, and if it does not report one.
    private(set) var version: RedisVersion?
    /// The replies to the requirement's commands so far.
    private var requirementReplies: [RedisReply] = []

    /// Creates the handshake for an address. AUTH and SELECT are included only when the address needs them.
    package init(address: RedisAddress, requirement: RedisRequirement? = nil) {
        self.address = address
        self.requirement = requirement
        var steps: [Step] = []
        if address.password != nil { steps.append(.authenticate) }
        if address.database != 0 { steps.append(.select) }
        steps += [.ping, .version]
        self.steps = steps + (requirement?.commands.map(Step.require) ?? [])
    }

    /// Appends all commands of the handshake.
    package func encode(into buffer: inout ByteBuffer) {
        for step in steps {
            switch step {
            case .authenticate:
                let credentials = [address.user, address.password].compactMap(\.self)
                RedisCommand.encode(["AUTH"] + credentials, into: &buffer)
            case .select: RedisCommand.encode("SELECT", String(address.database), into: &buffer)
            case .ping: RedisCommand.encode("PING", into: &buffer)
            case .version: RedisCommand.encode("INFO", "server", into: &buffer)
            case .require(let words): RedisCommand.encode(words, into: &buffer)
            }
        }
    }

    /// Consumes the next reply. Replies must be passed in the order of the commands.
    package mutating func receive(_ reply: RedisReply) -> Progress {
        guard answered < steps.count else { return .complete }
        let step = steps[answered]
        answered += 1
        if let outage = outage(step, reply) { return .refused(outage) }
        return answered == steps.count ? .complete : .underWay
    }

    private mutating func outage(_ step: Step, _ reply: RedisReply) -> RedisOutage? {
        switch (step, reply) {
        case (.authenticate, .error(let sentence)): RedisOutage("AUTH: \(sentence)", isRefusal: true)
        case (.select, .error(let sentence)): refusal(sentence, of: "SELECT \(address.database)")
        case (.ping, .error(let sentence)): refusal(sentence, of: "PING")
        case (.version, .bulk(let text)):
            outageOfVersion(RedisVersion(info: String(buffer: text)))
        case (.require, let reply): outageOfRequirement(reply)
        default: nil
        }
    }

    private mutating func outageOfVersion(_ version: RedisVersion?) -> RedisOutage? {
        self.version = version
        return version.flatMap { $0.isTooOld ? .tooOld($0) : nil }
    }

    private mutating func outageOfRequirement(_ reply: RedisReply) -> RedisOutage? {
        requirementReplies.append(reply)
        guard let requirement, requirementReplies.count == requirement.commands.count else { return nil }
        return requirement.fault(requirementReplies).map(RedisOutage.unsupported)
    }

    private func refusal(_ sentence: String, of command: String) -> RedisOutage {
        let isRefusal = ["WRONGPASS", "NOAUTH", "NOPERM"].contains { sentence.hasPrefix($0) }
        return RedisOutage("\(command): \(sentence)", isRefusal: isRefusal)
    }
}
