import TollgateCore

/// The query of a request: only what its route knows, each of it once.
struct Query {
    private var values: [String: String] = [:]

    init(_ text: String?, allowed: [String]) throws(Problem) {
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let key = PercentText.decoded(parts[0]),
                let value = PercentText.decoded(parts.count > 1 ? parts[1] : "")
            else { throw .badRequest("the query is not percent-encoded UTF-8") }
            guard allowed.contains(key) else {
                let expected =
                    allowed.isEmpty ? "there is none here" : "expected one of \(allowed.joined(separator: ", "))"
                throw .badRequest("\(key.prefix(64)): unknown query parameter; \(expected)")
            }
            guard values.updateValue(value, forKey: key) == nil else { throw .badRequest("\(key): named twice") }
        }
    }

    subscript(_ key: String) -> String? { values[key] }

    /// The most items that a page has.
    static let mostItems = 1_000

    /// `limit=`, 1 … 1000.
    func limit(usually usual: Int = 100) throws(Problem) -> Int {
        guard let text = values["limit"] else { return usual }
        guard let limit = Int(text), (1...Self.mostItems).contains(limit) else {
            throw .badRequest("limit: expected a whole number from 1 to \(Self.mostItems)")
        }
        return limit
    }

    /// `kind=`, which has to be there.
    func kind() throws(Problem) -> ScopeKind {
        guard let text = values["kind"] else {
            throw .badRequest("kind: is missing; expected one such as user, or user+tool")
        }
        do throws(ScopeError) {
            return try ScopeKind(parsing: text)
        } catch {
            throw .badRequest("kind: \(error)")
        }
    }

    /// `cursor=`, as a page had it as `next`.
    var cursor: String? { values["cursor"] }
}
