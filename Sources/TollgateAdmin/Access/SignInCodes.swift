import Synchronization
import TollgateServer

/// One-time codes by which an authenticated user signs in to the dashboard in a browser. Usable from any task.
final class SignInCodes: Sendable {
    /// The maximum number of codes that have been neither redeemed nor expired. The oldest ones make room.
    static let maxCodes = 100
    /// The maximum number of such codes of one user.
    static let maxCodesOfUser = 10

    /// The time until a code expires, outside tests.
    static let standardLifetime = Duration.seconds(60)

    private struct Code {
        var text: String
        var identity: Identity
        var expiresAt: ContinuousClock.Instant
    }

    /// The time until a code expires.
    let lifetime: Duration
    /// The codes, oldest first.
    private let codes = Mutex<[Code]>([])

    init(lifetime: Duration = standardLifetime) {
        self.lifetime = lifetime
    }

    /// Creates a code of 256 random bits that signs in the identity.
    ///
    /// - Parameter lifetime: The time until the code expires; nil for that of all codes.
    func make(for identity: Identity, lifetime: Duration? = nil) -> String {
        let text = RandomToken.hexadecimal()
        codes.withLock { codes in
            let own = codes.indices.filter { codes[$0].identity.name == identity.name }
            if own.count >= Self.maxCodesOfUser, let first = own.first { codes.remove(at: first) }
            codes.append(Code(text: text, identity: identity, expiresAt: .now + (lifetime ?? self.lifetime)))
            codes.removeFirst(max(codes.count - Self.maxCodes, 0))
        }
        return text
    }

    /// Returns the identity of a code, which is no longer valid afterwards. Returns nil if it is unknown, redeemed or
    /// expired.
    func redeem(_ text: String) -> Identity? {
        codes.withLock { codes in
            codes.removeAll { $0.expiresAt <= .now }
            guard let index = codes.firstIndex(where: { ConstantTime.areEqual(text.utf8, Array($0.text.utf8)) }) else {
                return nil
            }
            return codes.remove(at: index).identity
        }
    }
}
