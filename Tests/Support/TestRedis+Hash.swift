extension TestRedis {
    /// The fields of a hash; empty when there is none.
    package func hash(_ key: String) throws -> [String: String] {
        let lines = try cli("HGETALL", key).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count > 1 else { return [:] }
        let pairs = stride(from: 0, to: lines.count - 1, by: 2).map { (lines[$0], lines[$0 + 1]) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }
}
