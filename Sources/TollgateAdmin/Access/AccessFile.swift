import Foundation
import TollgateCore
package import TollgatePolicy

/// The file of `--admin-access`. It rejects unknown keys, as the policy file does.
package struct AccessFile: Sendable {
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// The maximum number of tokens. Every request is compared with each of them.
    static let maxTokens = 1_000

    /// Reads the file. Throws an error that names the file, the line and the key.
    package func read() async throws(OperatorError) -> AccessSettings {
        let stamped = StampedFile(path: path)
        let text = try Self.text(of: TextFile(path: path), named: "--admin-access \(path)")
        let root: DocumentNode?
        do {
            root = try YAMLDocument(yaml: text, file: path).root()
        } catch {
            throw OperatorError("\(error)")
        }
        guard let root, root.members != nil else { throw OperatorError("\(path):1: expected tokens: or jwt:") }
        let entries = try fields(of: root, at: "", allowed: ["tokens", "jwt"])
        var access = AccessSettings()
        access.files = [stamped]
        access.secretFiles = [path]
        if let node = entries["tokens"] { access.tokens = try tokens(node) }
        if let node = entries["jwt"] {
            let (verifier, file) = try await verifier(node)
            access.jwt = verifier
            access.files.append(file)
            if verifier.keys.contains(where: { $0.algorithm == .hs256 }) { access.secretFiles.append(file.path) }
        }
        guard !access.tokens.isEmpty || access.jwt != nil else {
            throw OperatorError("\(path):1: grants access to no one; expected tokens: or jwt:")
        }
        return access
    }

    /// Reads a file. Throws an error that begins with `name`.
    static func text(of file: TextFile, named name: String) throws(OperatorError) -> String {
        do throws(TextFile.Fault) {
            return try file.text()
        } catch {
            throw OperatorError("\(name): \(error.sentence)")
        }
    }

    // MARK: - Tokens

    private func tokens(_ node: DocumentNode) throws(OperatorError) -> [AccessSettings.Token] {
        guard let items = node.items else { throw error(node, "tokens", "expected a list of { name, role, token }") }
        guard items.count <= Self.maxTokens else { throw error(node, "tokens", "more than \(Self.maxTokens)") }
        var tokens: [AccessSettings.Token] = []
        for (index, item) in items.enumerated() {
            let key = "tokens[\(index)]"
            let token = try token(item, key)
            guard !tokens.contains(where: { $0.name == token.name }) else {
                throw error(item, "\(key).name", "\(token.name): duplicate name")
            }
            guard !tokens.contains(where: { $0.token == token.token }) else {
                throw error(item, "\(key).token", "\(token.name): another entry has the same token")
            }
            tokens.append(token)
        }
        return tokens
    }

    private func token(_ node: DocumentNode, _ key: String) throws(OperatorError) -> AccessSettings.Token {
        let entries = try fields(of: node, at: key, allowed: ["name", "role", "token"])
        let name = try text(entries, "name", of: node, at: key)
        let word = try text(entries, "role", of: node, at: key)
        let secret = try text(entries, "token", of: node, at: key)
        guard name.unicodeScalars.allSatisfy(LogText.isPlain), name.utf8.count <= Identity.maxNameLength,
            !name.hasPrefix(Identity.subjectPrefix)
        else {
            let sentence = "expected one word of at most \(Identity.maxNameLength) bytes that does not begin with jwt:"
            throw error(entries["name"] ?? node, "\(key).name", sentence)
        }
        guard let role = Role(rawValue: word) else {
            throw error(entries["role"] ?? node, "\(key).role", "expected admin, viewer, caller or metrics")
        }
        let range = AccessSettings.Token.minLength...AccessSettings.Token.maxLength
        guard range.contains(secret.utf8.count), secret.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            let sentence = "expected \(range.lowerBound) to \(range.upperBound) bytes of ASCII without spaces"
            throw error(entries["token"] ?? node, "\(key).token", sentence)
        }
        return AccessSettings.Token(name: name, role: role, token: secret)
    }
}

// MARK: - Nodes

extension AccessFile {
    func error(_ node: DocumentNode, _ key: String, _ sentence: String) -> OperatorError {
        OperatorError("\(path):\(node.line ?? 1): \(key): \(sentence)")
    }

    /// Returns the entries of a map. Throws an error for a key that is not allowed.
    func fields(
        of node: DocumentNode, at key: String, allowed: [String]
    ) throws(OperatorError) -> [String: DocumentNode] {
        guard let members = node.members else {
            throw error(node, key, "expected a map of \(allowed.joined(separator: ", "))")
        }
        var fields: [String: DocumentNode] = [:]
        for member in members {
            guard let text = member.key.text, allowed.contains(text) else {
                let path = [key, member.key.text ?? "?"].filter { !$0.isEmpty }.joined(separator: ".")
                throw error(member.key, path, "unknown key; expected one of \(allowed.joined(separator: ", "))")
            }
            fields[text] = member.value
        }
        return fields
    }

    /// Returns a required text.
    func text(
        _ fields: [String: DocumentNode], _ name: String, of node: DocumentNode, at key: String
    ) throws(OperatorError) -> String {
        guard let value = fields[name] else { throw error(node, "\(key).\(name)", "is missing") }
        guard let text = value.text, !text.isEmpty else {
            throw error(value, "\(key).\(name)", "expected text")
        }
        return text
    }
}

extension AccessFile {
    /// Reads the section `jwt` and the file of keys that it names. Its path is relative to the access file's folder.
    func verifier(_ node: DocumentNode) async throws(OperatorError) -> (TokenVerifier, file: StampedFile) {
        let entries = try fields(
            of: node, at: "jwt",
            allowed: ["keys", "secret_file", "audience", "issuer", "subject_claim", "role_claim", "roles"])
        func optional(_ name: String) throws(OperatorError) -> String? {
            entries[name] == nil ? nil : try text(entries, name, of: node, at: "jwt")
        }
        let keys: [TokenKey]
        let stamped: StampedFile
        switch (try optional("keys"), try optional("secret_file")) {
        case (let file?, nil):
            let key = TextFile(path: path).neighbor(file)
            stamped = StampedFile(path: key.path)
            keys = try await TokenKey.set(Self.text(of: key, named: "\(path): jwt.keys \(file)"), file)
        case (nil, let file?):
            let key = TextFile(path: path).neighbor(file)
            stamped = StampedFile(path: key.path)
            let secret = try Self.text(of: key, named: "\(path): jwt.secret_file \(file)")
                .trimmingCharacters(in: .whitespacesAndNewlines)
            keys = [try await TokenKey.secret(Data(secret.utf8), id: nil, file)]
        default: throw error(node, "jwt", "expected one of keys and secret_file")
        }
        let verifier = TokenVerifier(
            keys: keys, audience: try text(entries, "audience", of: node, at: "jwt"), issuer: try optional("issuer"),
            subjectClaim: try optional("subject_claim") ?? "sub", roleClaim: try optional("role_claim") ?? "role",
            roles: try roles(entries["roles"], of: node))
        return (verifier, stamped)
    }

    private func roles(_ value: DocumentNode?, of node: DocumentNode) throws(OperatorError) -> [Role: String] {
        guard let value else { throw error(node, "jwt.roles", "is missing") }
        let names = Role.allCases.map(\.rawValue)
        let entries = try fields(of: value, at: "jwt.roles", allowed: names)
        var roles: [Role: String] = [:]
        for name in entries.keys.sorted() {
            guard let role = Role(rawValue: name) else { continue }
            let word = try text(entries, name, of: value, at: "jwt.roles")
            guard !roles.values.contains(word) else {
                throw error(value, "jwt.roles.\(name)", "\(word): already names another role")
            }
            roles[role] = word
        }
        guard !roles.isEmpty else {
            throw error(value, "jwt.roles", "expected at least one of \(names.joined(separator: ", "))")
        }
        return roles
    }
}
