import Foundation
import TollgateCore
import TollgatePolicy
import Yams

extension AccessFile {
    /// Reads the section `jwt` and the files of keys that it names. Their paths are relative to the access file's
    /// folder.
    func verifier(_ node: Node) async throws(OperatorError) -> (TokenVerifier, secrets: [TextFile]) {
        let entries = try fields(
            of: node, at: "jwt",
            allowed: ["keys", "secret_file", "audience", "issuer", "subject_claim", "role_claim", "roles"])
        func optional(_ name: String) throws(OperatorError) -> String? {
            entries[name] == nil ? nil : try text(entries, name, of: node, at: "jwt")
        }
        let keys: [TokenKey]
        var secrets: [TextFile] = []
        switch (try optional("keys"), try optional("secret_file")) {
        case (let file?, nil):
            let key = TextFile(path: path).neighbor(file)
            keys = try await TokenKey.set(Self.text(of: key, named: "\(path): jwt.keys \(file)"), file)
            if keys.contains(where: { $0.algorithm == .hs256 }) { secrets = [key] }
        case (nil, let file?):
            secrets = [TextFile(path: path).neighbor(file)]
            let secret = try Self.text(of: secrets[0], named: "\(path): jwt.secret_file \(file)")
                .trimmingCharacters(in: .whitespacesAndNewlines)
            keys = [try await TokenKey.secret(Data(secret.utf8), id: nil, file)]
        default: throw error(node, "jwt", "expected one of keys and secret_file")
        }
        let verifier = TokenVerifier(
            keys: keys, audience: try text(entries, "audience", of: node, at: "jwt"), issuer: try optional("issuer"),
            subjectClaim: try optional("subject_claim") ?? "sub", roleClaim: try optional("role_claim") ?? "role",
            roles: try roles(entries["roles"], of: node))
        return (verifier, secrets)
    }

    private func roles(_ value: Node?, of node: Node) throws(OperatorError) -> [Role: String] {
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
