import TollgateCore
import TollgatePolicy

extension Query {
    /// The user's traits, from `roles=` and `email=`.
    func traits() throws(Problem) -> UserTraits {
        let roles = try text("roles", maxLength: 1_024)?.split(separator: ",").map(String.init)
        return UserTraits(roles: roles ?? [], email: try text("email", maxLength: ScopeID.longest))
    }

    private func text(_ key: String, maxLength: Int) throws(Problem) -> String? {
        guard let text = self[key] else { return nil }
        guard (1...maxLength).contains(text.utf8.count), ObjectReader.isPrintable(text) else {
            throw .badRequest("\(key): expected 1 to \(maxLength) bytes of text without control characters")
        }
        return text
    }
}
