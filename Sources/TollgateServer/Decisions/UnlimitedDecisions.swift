import Logging
import Synchronization
import TollgateCore
import TollgateWire

/// The number of decisions to which no limit applied, by each kind that their requests named. Owned by one event loop.
struct UnlimitedDecisions {
    /// The maximum number of kinds that are counted. Requests can name any kind if the policy allows that.
    static let maxKinds = 64

    /// The bytes of each kind, with its count.
    private var counts: [(kind: [UInt8], count: Int)] = []
    /// Called once for each kind, with the kinds of the request that named it first.
    var onNewKind: ([String]) -> Void = { _ in }

    /// Counts a decision. Does not allocate for kinds that were counted before.
    mutating func count(_ fields: [Request.ScopeField], _ bytes: GrowingBytes) {
        var hasNewKind = false
        for field in fields where !count(bytes[field.kind]) { hasNewKind = true }
        if hasNewKind { onNewKind(fields.map { String(decoding: bytes[$0.kind], as: UTF8.self) }) }
    }

    /// Returns false if the kind was added.
    private mutating func count(_ kind: ArraySlice<UInt8>) -> Bool {
        for index in counts.indices where counts[index].kind.elementsEqual(kind) {
            counts[index].count += 1
            return true
        }
        guard counts.count < Self.maxKinds else { return true }
        counts.append((Array(kind), 1))
        return false
    }

    /// The counts by kind.
    var byKind: [String: Int] {
        Dictionary(uniqueKeysWithValues: counts.map { (String(decoding: $0.kind, as: UTF8.self), $0.count) })
    }
}

/// Logs each kind of which a request was decided without any limit, once. Shared by all workers.
final class UnlimitedKindLog: Sendable {
    private let logger: Logger
    private let logged = Mutex<Set<String>>([])

    init(logger: Logger) {
        self.logger = logger
    }

    /// Logs the kinds of a request, if one of them was not logged before.
    func note(_ kinds: [String]) {
        let isNew = logged.withLock { logged in
            defer { logged.formUnion(kinds) }
            return !logged.isSuperset(of: kinds)
        }
        guard isNew else { return }
        logger.notice(
            "no limit applies to requests that name only \(kinds.joined(separator: ", ")); STATUS counts them by kind")
    }
}
