import TollgateCore
import TollgatePolicy

extension Query {
    /// The user's traits, from `roles=` and `email=`.
    func traits() throws(Problem) -> UserTraits {
        let roles = try text("roles", longest: 1_024)?.split(separator: ",").map(String.init)
        return UserTraits(roles: roles ?? [], email: try text("email", longest: ScopeID.longest))
    }

    private func text(_ key: String, longest: Int) throws(Problem) -> String? {
        guard let text = self[key] else { return nil }
        guard (1...longest).contains(text.utf8.count), ObjectReader.isPrintable(text) else {
            throw .badRequest("\(key): expected 1 to \(longest) bytes of text without control characters")
        }
        return text
    }
}
