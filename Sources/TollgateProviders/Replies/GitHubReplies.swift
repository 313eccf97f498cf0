/// The reply of GitHub's `/rate_limit`.
enum GitHubReplies {
    /// Parses the quotas of all resources. The deprecated `rate`, which is that of `core`, is ignored.
    static func quotas(_ body: some Sequence<UInt8>) throws(ProviderFailure) -> [ProviderQuota] {
        let resources = try ReplyObject(body).object("resources")
        let names = resources.keys
        guard names.count <= ProviderQuota.maxCount else {
            throw .malformed("resources: more than \(ProviderQuota.maxCount)")
        }
        var quotas: [ProviderQuota] = []
        for name in names {
            guard let resource = try resources.objectIfPresent(name) else { continue }
            guard isName(name) else { throw .malformed("resources: a name that is not lower-case letters and _") }
            quotas.append(
                ProviderQuota(
                    name: name, unit: .requests, limit: try resource.count("limit"), used: try resource.count("used"),
                    remaining: try resource.count("remaining"), resetsAt: try resource.count("reset")))
        }
        return quotas
    }

    private static func isName(_ text: String) -> Bool {
        (1...ProviderQuota.maxNameLength).contains(text.utf8.count)
            && text.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789_-".utf8.contains($0) }
    }
}
