import Synchronization
import TollgateCore

/// The number of a token or of a key for JWTs, by which sessions end with it. A changed one gets another number, and no
/// number comes twice in a process.
package struct Grant: Hashable, Codable, Sendable {
    let number: Int
}

/// The access settings in force, which a reload replaces at once. Usable from any task.
package final class ActiveAccess: Sendable {
    /// The settings of a moment, with the grants of their tokens and keys.
    struct Snapshot: Sendable {
        struct Token: Sendable {
            var token: AccessSettings.Token
            var secret: [UInt8]
            var grant: Grant

            /// The bearer.
            var identity: Identity { Identity(name: token.name, role: token.role, grant: grant) }
        }

        var settings: AccessSettings
        var tokens: [Token]
        /// The keys have their grants.
        var verifier: TokenVerifier?

        /// The tokens and keys by their names in the log.
        var entries: [(name: String, grant: Grant)] {
            tokens.map { ($0.token.name, $0.grant) }
                + (verifier?.keys ?? []).compactMap { key in
                    key.grant.map { (Self.name(of: key), $0) }
                }
        }

        /// The name of a key in the log. Names of tokens do not begin with this prefix.
        private static func name(of key: TokenKey) -> String {
            Identity.subjectPrefix + LogText.encoded(PlainText.shortened(key.id ?? "", to: 80))
        }
    }

    private struct State {
        var snapshot: Snapshot
        var grants: Set<Grant>
        var lastGrant: Int
    }

    private let state: Mutex<State>

    package init(_ settings: AccessSettings) {
        var lastGrant = 0
        let snapshot = Snapshot(settings, replacing: nil, lastGrant: &lastGrant)
        state = Mutex(State(snapshot: snapshot, grants: Set(snapshot.entries.map(\.grant)), lastGrant: lastGrant))
    }

    /// The settings in force. A request is compared with one snapshot.
    var snapshot: Snapshot { state.withLock { $0.snapshot } }

    /// The settings in force.
    package var settings: AccessSettings { snapshot.settings }

    /// Replaces the settings. Tokens and keys that are in the new settings as they are keep their grants.
    package func install(_ settings: AccessSettings) -> AccessChange {
        state.withLock { state in
            let old = state.snapshot
            state.snapshot = Snapshot(settings, replacing: old, lastGrant: &state.lastGrant)
            state.grants = Set(state.snapshot.entries.map(\.grant))
            return AccessChange(from: old.entries, to: state.snapshot.entries)
        }
    }

    /// Whether the token or the key by which a user was identified is still in force.
    func grants(_ identity: Identity) -> Bool {
        guard let grant = identity.grant else { return false }
        return state.withLock { $0.grants.contains(grant) }
    }
}

extension ActiveAccess.Snapshot {
    fileprivate init(_ settings: AccessSettings, replacing old: Self?, lastGrant: inout Int) {
        func next() -> Grant {
            lastGrant += 1
            return Grant(number: lastGrant)
        }
        let known = Dictionary((old?.tokens ?? []).map { ($0.token, $0.grant) }) { first, _ in first }
        self.settings = settings
        tokens = settings.tokens.map { Token(token: $0, secret: Array($0.token.utf8), grant: known[$0] ?? next()) }
        verifier = settings.jwt
        guard let verifier = settings.jwt else { return }
        // Other rules make other users of the same JWTs.
        let knownKeys = old?.verifier.flatMap { $0.hasSameRules(as: verifier) ? $0.keys : nil } ?? []
        let keys = verifier.keys.map { key in
            key.granted(knownKeys.first { $0.isSame(as: key) }?.grant ?? next())
        }
        self.verifier?.keys = keys
    }
}

/// The difference between two access settings, by the names of tokens and keys. Pure.
package struct AccessChange: Sendable, Equatable {
    /// The names, in the order of the new settings.
    package private(set) var added: [String] = []
    /// The names of tokens with another role or secret, and of keys that differ or have other rules.
    package private(set) var changed: [String] = []
    /// The names, in the order of the old settings.
    package private(set) var removed: [String] = []

    init(from old: [(name: String, grant: Grant)], to new: [(name: String, grant: Grant)]) {
        let before = Dictionary(old.map { ($0.name, [$0.grant]) }) { $0 + $1 }
        for (name, grant) in new {
            guard let grants = before[name] else {
                added.append(name)
                continue
            }
            if !grants.contains(grant) { changed.append(name) }
        }
        let names = Set(new.map(\.name))
        removed = old.map(\.name).filter { !names.contains($0) }
    }

    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
}
