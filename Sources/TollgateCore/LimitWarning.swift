/// That a scope has used a share of a limit, as replies say it in `warn=`. A plain value.
public struct LimitWarning: Sendable, Hashable {
    /// Whose limit it is.
    public var scope: Scope
    /// The limit's name: `cost/day`.
    public var limit: String
    /// The highest threshold that has been reached, in percent of the limit's max.
    public var threshold: Int

    /// A warning of these parts.
    package init(scope: Scope, limit: String, threshold: Int) {
        self.scope = scope
        self.limit = limit
        self.threshold = threshold
    }

    /// Reads the text that `description` prints; nil for any other. The id of a scope may hold slashes and colons, so the text is
    /// taken apart from its end.
    package init?(parsing text: some StringProtocol) {
        let scalars = text.unicodeScalars
        guard let colon = scalars.lastIndex(of: ":"), let threshold = Int(text[scalars.index(after: colon)...]),
            threshold > 0, let slash = Self.startOfName(scalars[..<colon]),
            let scope = try? Scope(parsing: text[..<slash])
        else { return nil }
        self.init(scope: scope, limit: String(text[scalars.index(after: slash)..<colon]), threshold: threshold)
    }

    /// The slash before the limit's name, which holds another one unless it is `concurrent`.
    private static func startOfName<Text: BidirectionalCollection<Unicode.Scalar>>(_ text: Text) -> Text.Index? {
        guard let last = text.lastIndex(of: "/") else { return nil }
        if text[text.index(after: last)...].elementsEqual(Meter.concurrent.name.unicodeScalars) { return last }
        return text[..<last].lastIndex(of: "/")
    }
}

extension LimitWarning: CustomStringConvertible {
    /// `user:alice/cost/day:80`
    public var description: String { "\(scope)/\(limit):\(threshold)" }
}
