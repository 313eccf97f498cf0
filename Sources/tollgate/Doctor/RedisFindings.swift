import Foundation
import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateStores

/// What `tollgate doctor` and `tollgate upgrade-check` find in a Redis that answers. Reading it writes nothing.
struct RedisFindings {
    /// The settings; nil if Redis denies INFO.
    var settings: RedisServerSettings?
    /// Whether Redis denies CONFIG GET.
    var deniesConfig = false
    var rights: RedisRights?
    /// Whether the layout of the namespace could be read.
    var hasReadLayout = false
    /// Why the namespace cannot be used by these settings; nil if it can.
    var layoutFault: String?
    /// Whether the namespace has keys of the layout before layouts were numbered.
    var hasUnnumberedLayout = false
    /// The names of Tollgate's function libraries; nil if Redis does not list them.
    var libraries: [String]?
    /// The time of Redis's clock minus that of this host, and half the round trip of the reply, ms.
    var clock: (offset: Int64, uncertainty: Int64)?
    /// The median times of a PING and of a call that decides.
    var roundTrip: Duration?
    var decision: Duration?
    /// The running sidecars; nil if they cannot be read.
    var sidecars: [AnnouncedSidecar]?

    /// The number of calls whose median is reported.
    static let samples = 21

    /// Reads everything. Each call is bounded in time.
    ///
    /// - Parameter policy: Nil if it is not valid.
    init(_ connection: DoctorConnection, _ server: ServerSettings, _ policy: Policy?) async {
        let keySpace = KeySpace(
            namespace: server.namespace, partitions: server.partitions, moneyUnit: policy?.moneyUnit ?? .nano)
        guard let replies = await connection.ask([["CONFIG", "GET", "save"], ["INFO"]]) else { return }
        if case .error = replies[0] { deniesConfig = true }
        if case .bulk(let info) = replies[1] {
            settings = RedisServerSettings(info: String(buffer: info), saving: replies[0])
        }
        // A replica may close the connection, or refuse to read.
        guard settings?.role == nil else { return }
        if let replies = await connection.ask(["MULTI"], then: RedisRights.block(keySpace)) {
            rights = RedisRights(replies, keySpace)
        }
        await readNamespace(connection, keySpace, isUnitKnown: policy != nil)
        await readClock(connection)
        roundTrip = await Self.median(connection, RedisCommand.encoded(["PING"]))
        if let policy, let command = await decidingCommand(connection, keySpace, policy) {
            decision = await Self.median(connection, command)
        }
    }

    private mutating func readNamespace(
        _ connection: DoctorConnection, _ keySpace: KeySpace, isUnitKnown: Bool
    ) async {
        let marker = PolicyKeys(namespace: keySpace.namespace).marker
        if let replies = await connection.ask([
            ["HMGET", marker, "generation", "layout"], ["HMGET", marker, "layout", "partitions"],
        ]) {
            layoutFault = keySpace.fault(replies[1])
            // The unit of an invalid policy is not that of the data.
            if !isUnitKnown, layoutFault?.contains(" decimals: ") == true { layoutFault = nil }
            if case .array = replies[1] { hasReadLayout = true }
            if case .array(let before) = replies[0], before.count == 2 {
                hasUnnumberedLayout = before[0] != .null && before[1] == .null
            }
        }
        if let replies = await connection.ask(SidecarRegistry.commands(namespace: keySpace.namespace)) {
            sidecars = try? SidecarRegistry.sidecars(in: replies)
        }
        libraries = await connection.ask("FUNCTION", "LIST", "LIBRARYNAME", "tollgate_*").flatMap(Self.libraries)
    }

    /// The names in the reply to FUNCTION LIST; nil for an error.
    private static func libraries(in reply: RedisReply) -> [String]? {
        guard case .array(let items) = reply else { return nil }
        return items.compactMap { item in
            guard case .array(let fields) = item, fields.count >= 2, case .bulk(let name) = fields[1] else {
                return nil
            }
            return String(buffer: name)
        }
    }

    /// Compares the clocks, by the fastest of a few replies.
    private mutating func readClock(_ connection: DoctorConnection) async {
        for _ in 0..<5 {
            let before = Date.now
            guard case .array(let words)? = await connection.ask("TIME") else { return }
            let after = Date.now
            let numbers = words.compactMap { word in
                if case .bulk(let text) = word { Int64(String(buffer: text)) } else { nil }
            }
            guard numbers.count == 2 else { return }
            let redis = numbers[0] * 1_000 + numbers[1] / 1_000
            let half = max(after.timeIntervalSince(before) / 2, 0)
            let here = Int64((before.timeIntervalSince1970 + half) * 1_000)
            let uncertainty = Int64((half * 1_000).rounded(.up))
            if clock.map({ uncertainty < $0.uncertainty }) ?? true { clock = (redis - here, uncertainty) }
        }
    }

    private static func median(_ connection: DoctorConnection, _ command: ByteBuffer) async -> Duration? {
        guard let (times, reply) = await connection.measure(command, times: samples) else { return nil }
        if case .error = reply { return nil }
        return times.sorted()[times.count / 2]
    }

    // MARK: - A call that decides

    /// Returns a PEEK on a scope that no request uses, which changes nothing. Nil if Redis does not have the function or the
    /// script yet, or if no kind of scope has limits.
    private func decidingCommand(
        _ connection: DoctorConnection, _ keySpace: KeySpace, _ policy: Policy
    ) async -> ByteBuffer? {
        guard let arguments = Self.arguments(keySpace, policy) else { return nil }
        let function = Ledger.peekFunction
        var command: ByteBuffer
        if libraries?.contains(function.library.name) == true, rights?.deniedFunctions == nil {
            command = function.head(argumentCount: arguments.count)
        } else {
            // The script that sidecars have loaded; _RO refuses to write.
            let sha = SHA1.hex(of: Ledger.batchFunction.script)
            guard case .array([.integer(1)])? = await connection.ask("SCRIPT", "EXISTS", sha) else { return nil }
            command = ByteBuffer(string: "*\(arguments.count + 2)\r\n")
            for word in ["EVALSHA_RO", sha] { RedisCommand.encodeBulk(word, into: &command) }
        }
        command.writeImmutableBuffer(arguments.bytes)
        return command
    }

    private static func arguments(_ keySpace: KeySpace, _ policy: Policy) -> RedisFunctionArguments? {
        let cache = ScopePlanCache(policy: policy, keySpace: keySpace)
        let kinds = policy.defaults.keys.filter { !$0.isComposite }.map(\.description).sorted()
        let scopes = kinds.compactMap { try? Scope(parsing: "\($0):tollgate-doctor") }
        let plans = scopes.map { ($0, cache.plan(for: $0)) }
        guard let (scope, plan) = plans.first(where: { !$0.1.isInert }) else { return nil }
        var encoder = BatchEncoder(number: 1, keySpace: keySpace, partition: keySpace.partition(of: scope))
        encoder.append(.peek, Amounts(requests: 1), on: [plan])
        return encoder.arguments(at: Int64(Date.now.timeIntervalSince1970 * 1_000))
    }
}
