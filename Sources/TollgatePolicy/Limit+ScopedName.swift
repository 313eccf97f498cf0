package import TollgateCore

extension Limit {
    /// Reads the name of a limit, of one scope or of any: `user:alice/requests/60s` gives `requests/1m` of `user:alice`, and
    /// `concurrent` has no scope. Ids of scopes may have slashes too. Throws a sentence.
    package static func parse(scopedName text: String) throws(ScopeError) -> (scope: Scope?, name: String) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        let length = words.last == "concurrent" ? 1 : 2
        guard let (meter, period) = parse(name: words.suffix(length).joined(separator: "/")) else {
            throw ScopeError("expected one such as requests/1m, user:alice/requests/1m or concurrent")
        }
        let scope = words.dropLast(length).joined(separator: "/")
        return (words.count > length ? try Scope(parsing: scope) : nil, Limit(meter, period, max: nil).name)
    }
}
