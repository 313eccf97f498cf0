import TollgateCore

extension Query {
    /// `roles=` and `email=`: what requests may say of a user.
    func traits() throws(Problem) -> UserTraits {
        let roles = try text("roles", longest: 1_024)?.split(separator: ",").map(String.init)
        return UserTraits(roles: roles ?? [], email: try text("email", longest: ScopeID.longest))
    }

    private func text(_ key: String, longest: Int) throws(Problem) -> String? {
        guard let text = self[key], !text.isEmpty else { return nil }
        guard text.utf8.count <= longest, ObjectReader.isPrintable(text) else {
            throw .badRequest("\(key): expected at most \(longest) bytes of text without control characters")
        }
        return text
    }
}
