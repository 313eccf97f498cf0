import TollgateCore

/// An account with the keys of the policy file. The limits of the file itself are among those of scopes.
extension Account: Encodable {
    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) {
            stringValue = name
        }

        init?(stringValue: String) {
            self.stringValue = stringValue
        }

        init?(intValue: Int) { nil }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(provider.rawValue, forKey: Key("provider"))
        switch credential {
        case .file(let path)?: try container.encode(path, forKey: Key("credential_file"))
        case .environment(let name)?: try container.encode(name, forKey: Key("credential_env"))
        case nil: break
        }
        try container.encodeIfPresent(binding, forKey: Key("bind"))
        try container.encodeIfPresent(baseURL, forKey: Key("base_url"))
        for (name, ids) in filters where !ids.isEmpty { try container.encode(ids, forKey: Key(name)) }
        try container.encode(billingDay, forKey: Key("billing_day"))
        try container.encode("\(interval)s", forKey: Key("sync"))
        if !limits.isEmpty { try container.encode(LimitsJSON(limits), forKey: Key("limits")) }
    }
}
