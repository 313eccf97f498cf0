import TollgateCore

/// The names of credentials, which must not be taken for the credentials themselves.
extension PolicyReader {
    /// Keys under which people write the credential itself.
    private static let credentialKeys: Set<String> = [
        "credential", "api_key", "admin_key", "key", "token", "secret", "password", "authorization",
    ]
    /// The beginnings of providers' keys, which are taken for the key itself and not quoted.
    private static let keyPrefixes = [
        "sk-", "sk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "Bearer ",
    ]

    /// The value of an account; nil if it contains a credential, or what its origin may not set. Each is reported, and
    /// nothing of a credential is quoted.
    func acceptable(_ entry: Entry, _ origin: Origin) -> DocumentNode? {
        let before = problems.count
        if origin == .admin, Self.isKey(entry.key) {
            report(entry.position, "the id looks like a credential: expected a name such as main")
        }
        for member in entry.value.members ?? [] {
            let name = member.key.text ?? ""
            let position = entry.position.at(
                Self.isKey(name) ? "…" : name, line: member.key.line ?? entry.position.line)
            if Self.credentialKeys.contains(name) || Self.isKey(name) || Self.containsKey(member.value) {
                report(
                    position,
                    "a credential itself is not accepted: expected its file in credential_file, or its variable in credential_env"
                )
            } else if name == "base_url", origin == .admin {
                report(position, "is accepted in the policy file only, because the credential is sent to this address")
            }
        }
        return problems.count == before ? entry.value : nil
    }

    /// Whether a text contains what looks like a provider's key: one of its beginnings, and characters of a key.
    private static func isKey(_ text: String) -> Bool {
        keyPrefixes.contains { prefix in
            text.ranges(of: prefix).contains { range in
                let rest = text[range.upperBound...].utf8.prefix { byte in
                    isNameByte(byte) || (0x61...0x7a).contains(byte) || byte == 0x2d
                }
                // Within a text, such as the name of a file, a word may begin alike.
                return rest.count >= (range.lowerBound == text.startIndex ? 6 : 20)
            }
        }
    }

    private static func containsKey(_ node: DocumentNode) -> Bool {
        switch node.content {
        case .scalar(let text, _): isKey(text)
        case .list(let items): items.contains(where: containsKey)
        case .map(let members): members.contains { containsKey($0.key) || containsKey($0.value) }
        }
    }

    /// What is not a name may be the credential itself, so it is not quoted.
    func credential(_ entry: Entry, _ origin: Origin) -> Account.CredentialSource? {
        let isFile = entry.key == "credential_file"
        let ofFile = origin == .file ? "the name of a file" : "the absolute path of a file such as /etc/tollgate/key"
        let expected = isFile ? ofFile : "the name of a variable such as ANTHROPIC_ADMIN_KEY"
        guard let text = text(entry.value, at: entry.position, expected: expected) else { return nil }
        let isName =
            isFile
            ? text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
                && (origin == .file || text.hasPrefix("/"))
            : text.utf8.allSatisfy(Self.isNameByte)
        guard isName, (1...Account.maxSourceLength).contains(text.utf8.count) else {
            report(entry.position, "expected \(expected), at most \(Account.maxSourceLength) bytes")
            return nil
        }
        guard isFile || origin == .file || !text.hasPrefix("TOLLGATE_") else {
            report(entry.position, "expected a variable that does not begin with TOLLGATE_")
            return nil
        }
        return isFile ? .file(text) : .environment(text)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (0x41...0x5a).contains(byte) || (0x30...0x39).contains(byte) || byte == 0x5f
    }
}
