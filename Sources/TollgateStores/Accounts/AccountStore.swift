import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgatePolicy
import TollgateRedis

/// The figures that providers report of accounts, the state of their reading, and the lease by which one sidecar reads
/// at a time.
///
/// It is not on the decision path, and contains no credentials. It can be used from any task.
package struct AccountStore: Sendable {
    /// The retention of an account that is not read any more, in ms: 400 days.
    private static let retention: Int64 = 400 * 86_400_000
    /// The maximum number of days that are retained.
    private static let maxDays = 400

    private static let leaseFunction = RedisFunction("delivery/lease")
    private static let figuresFunction = RedisFunction("accounts/figures")

    let link: StoreLink
    private let keySpace: KeySpace
    /// The part of the keys before the id of an account: `tollgate:{accounts}:`.
    private let prefix: String

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        self.keySpace = keySpace
        prefix = "\(keySpace.namespace):{accounts}:"
    }

    /// Names cannot clash with `lease` and `requests`, which have no second part.
    private func state(of id: String) -> String { "\(prefix)state:\(id)" }
    private func days(of id: String) -> String { "\(prefix)days:\(id)" }
    private func hours(of id: String) -> String { "\(prefix)hours:\(id)" }
    private var lease: String { "\(prefix)lease" }
    private var requests: String { "\(prefix)requests" }

    // MARK: - Lease

    /// The reply to a request for the lease.
    package struct LeaseReply: Sendable {
        /// Whether this sidecar has the lease.
        package var isHeld: Bool
        /// Whether it had the lease before the request. Otherwise another sidecar may have read accounts meanwhile.
        package var wasHeld: Bool
        /// The time of Redis's clock, Unix ms.
        package var now: Int64
        /// The number of times that an administrator has requested a reading of an account.
        package var requests: Int64
    }

    /// Acquires or renews the lease for a sidecar; 0 milliseconds release it.
    package func lease(for sidecar: String, milliseconds: Int64) async throws(StoreError) -> LeaseReply {
        let reply = try await link.call(
            Self.leaseFunction, keys: [lease, requests], arguments: [sidecar, "\(milliseconds)"], isChange: true)
        guard case .array(let items) = try reply.checked(of: lease), items.count == 3,
            case .bulk(let status) = items[0],
            case .integer(let now) = items[1], case .bulk(let requests) = items[2]
        else { throw .unexpectedReply(about: lease) }
        let word = String(buffer: status)
        return LeaseReply(
            isHeld: word != "other", wasHeld: word == "renewed", now: now,
            requests: Int64(String(buffer: requests)) ?? 0)
    }

    // MARK: - Reading

    /// Returns what is stored of accounts, in the order of their ids: `.corrupt` for one that is malformed.
    package func accounts(_ ids: [String]) async throws(StoreError) -> [Result<StoredAccount, StoreError>] {
        let replies = try await link.send(
            ids.flatMap { [["HGETALL", state(of: $0)], ["HGETALL", days(of: $0)], ["HGETALL", hours(of: $0)]] })
        var accounts: [Result<StoredAccount, StoreError>] = []
        for (index, id) in ids.enumerated() {
            do throws(StoreError) {
                accounts.append(.success(try account(id, replies[3 * index..<3 * index + 3].map { $0 })))
            } catch {
                guard case .corrupt = error else { throw error }
                accounts.append(.failure(error))
            }
        }
        return accounts
    }

    private func account(_ id: String, _ replies: [RedisReply]) throws(StoreError) -> StoredAccount {
        StoredAccount(
            state: try AccountSyncState(replies[0].pairs(of: state(of: id))),
            days: try Self.figures(replies[1], of: days(of: id)),
            hours: try Self.figures(replies[2], of: hours(of: id)))
    }

    private static func figures(
        _ reply: RedisReply, of key: String
    ) throws(StoreError) -> [String: AccountFigures] {
        var figures: [String: AccountFigures] = [:]
        for (name, text) in try reply.pairs(of: key) {
            guard let found = AccountFigures(text) else { throw .corrupt("\(key): malformed figures of \(name)") }
            figures[name] = found
        }
        return figures
    }

    // MARK: - Writing

    /// Writes the state of an account.
    package func write(_ state: AccountSyncState, of id: String) async throws(StoreError) {
        try await change(commands(writing: state, of: id), of: id)
    }

    /// Replaces the figures of days, and those of all hours, and writes the state, in one transaction.
    package func write(
        _ state: AccountSyncState, days new: [String: AccountFigures], hours newHours: [String: AccountFigures],
        removing oldDays: [String], of id: String
    ) async throws(StoreError) {
        let (days, hours) = (days(of: id), hours(of: id))
        var commands = commands(writing: state, of: id)
        if !new.isEmpty { commands.append(["HSET", days] + new.flatMap { [$0.key, $0.value.text] }) }
        if !oldDays.isEmpty { commands.append(["HDEL", days] + oldDays) }
        commands.append(["DEL", hours])
        if !newHours.isEmpty { commands.append(["HSET", hours] + newHours.flatMap { [$0.key, $0.value.text] }) }
        commands += [days, hours].map { ["PEXPIRE", $0, "\(Self.retention)"] }
        try await change(commands, of: id)
    }

    /// Returns the days beyond the retention.
    package static func excess(of days: some Sequence<String>) -> [String] {
        let sorted = days.sorted(by: >)
        return sorted.count > maxDays ? Array(sorted[maxDays...]) : []
    }

    private func commands(writing new: AccountSyncState, of id: String) -> [[String]] {
        let key = state(of: id)
        let missing = new.missingFields
        return [["HSET", key] + new.fields, ["PEXPIRE", key, "\(Self.retention)"]]
            + (missing.isEmpty ? [] : [["HDEL", key] + missing])
    }

    private func change(_ commands: [[String]], of id: String) async throws(StoreError) {
        for reply in try await link.sendAtomically(commands) { _ = try reply.checked(of: state(of: id)) }
    }

    /// Writes the figures that count against limits of the account into the hash of its scope, and removes those that the
    /// provider does not report.
    package func write(_ figures: LimitFigures, of scope: Scope) async throws(StoreError) {
        let key = keySpace.hash(of: scope)
        let fields = figures.figures.flatMap { [ProviderFigure.field(of: $0.key), $0.value?.text ?? ""] }
        let reply = try await link.call(
            Self.figuresFunction, keys: [key], arguments: ["\(figures.endsAt)"] + fields, isChange: true)
        guard case .integer(let isHash) = try reply.checked(of: key) else { throw .unexpectedReply(about: key) }
        if isHash != 1 { throw .corrupt("\(key): wrong data type") }
    }

    /// Requests that the sidecar with the lease reads an account soon.
    package func requestReading(of id: String) async throws(StoreError) {
        let commands = [
            ["HSET", state(of: id), "requested", "1"], ["PEXPIRE", state(of: id), "\(Self.retention)"],
            ["INCR", requests], ["PEXPIRE", requests, "\(Self.retention)"],
        ]
        for reply in try await link.send(commands, isChange: true) { _ = try reply.checked(of: state(of: id)) }
    }

    /// Removes the request of a reading, when the reading begins. Later requests are for another one.
    package func removeRequest(of id: String) async throws(StoreError) {
        _ = try await link.send([["HDEL", state(of: id), "requested"]], isChange: true)[0].checked(of: state(of: id))
    }
}
