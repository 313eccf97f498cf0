package import TollgateCore

/// The names of a namespace's keys in Redis, but for those of settings (`PolicyKeys`) and alerts (`AlertKeys`).
///
/// The key of a scope's hash is the scope's text behind the namespace, `tollgate:user:alice`. The names of its other keys begin with
/// that: `tollgate:user:alice:day:2026-11-29`. In keys a colon within an id is written twice, so that no two keys have the same name:
/// the first single colon behind a kind ends the kind, the next one ends the scope. Keys of no single scope begin with a word that is
/// no kind.
package struct KeySpace: Sendable, Equatable {
    package let namespace: String

    package init(namespace: String) {
        self.namespace = namespace
    }

    /// What stands in front of the scope, or of another word, in every key.
    package var prefix: String { "\(namespace):" }

    // MARK: - Scopes

    /// Hash of all that a decision needs of a scope.
    package func hash(of scope: Scope) -> String { prefix + Self.name(ofScope: scope.description) }

    /// Sorted set of the open reservations of a scope by when they end (Unix ms).
    package func holds(of scope: Scope) -> String { hash(of: scope) + ":holds" }

    /// Hash of one day: `2026-11-20` in the scope's own calendar.
    package func day(_ id: String, of scope: Scope) -> String { "\(hash(of: scope)):day:\(id)" }

    /// Hash of the days of one month that are over: `2026-11`.
    package func month(_ id: String, of scope: Scope) -> String { "\(hash(of: scope)):month:\(id)" }

    /// A scope's text as it stands in keys: `model:llama3:8b` is `model:llama3::8b`.
    static func name(ofScope text: String) -> String {
        var name: [UInt8] = []
        name.reserveCapacity(text.utf8.count)
        var (isInID, isAfterPlus) = (false, false)
        for byte in text.utf8 {
            name.append(byte)
            // Within an id a plus sign is written twice.
            if isAfterPlus, byte != UInt8(ascii: "+") { isInID = false }
            isAfterPlus = byte == UInt8(ascii: "+") && !isAfterPlus
            guard byte == UInt8(ascii: ":") else { continue }
            if isInID { name.append(byte) }
            isInID = true
        }
        return String(decoding: name, as: UTF8.self)
    }

    // MARK: - Others

    /// Sorted set of the scopes of a kind by what they used of a meter on the day of that id.
    package func topScopes(_ kind: ScopeKind, _ meter: HistoryMeter, day id: String) -> String {
        "\(prefix)top-scopes:\(kind):\(meter.name):\(id)"
    }

    /// The number of the last batch of a producer that was applied.
    func lastBatch(of producer: String) -> String { "\(prefix)last-batch:\(producer)" }

    /// Hash of the keys that sign tokens of reservations.
    var reservationKeys: String { "\(prefix)reservation-keys" }
}
