import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateStores

/// The choices of the usage page, as its URL states them.
struct UsageQuery: Sendable {
    /// The meter whose limit a row shows.
    enum MeterChoice: Hashable, Sendable {
        /// The limit with the highest share.
        case nearest
        case meter(Meter)

        static let all: [MeterChoice] = [.nearest, .meter(.cost), .meter(.tokens), .meter(.requests)]

        var name: String { if case .meter(let meter) = self { meter.name } else { "nearest" } }

        var label: String {
            switch self {
            case .nearest: "Nearest limit"
            case .meter(.cost): "Cost"
            case .meter(let meter): meter.name.prefix(1).uppercased() + meter.name.dropFirst()
            }
        }
    }

    /// The time whose usage the columns of amounts show.
    enum Span: String, CaseIterable, Sendable {
        case day
        case month

        var label: String { self == .day ? "Today" : "This month" }
    }

    /// The column by which the rows of a page are sorted. Without one, those seen last come first.
    enum Column: String, CaseIterable, Sendable {
        case scope
        case requests
        case input = "input_tokens"
        case output = "output_tokens"
        case tokens
        case cost
        case usage
    }

    /// The periods to choose from.
    static let periods: [Period] = [.day, .week, .month, .total]

    var kind: ScopeKind
    var meter = MeterChoice.nearest
    /// The period of the limit that a row shows. Nil for the one with the highest share.
    var period: Period?
    var span = Span.month
    /// The beginning of the ids to show.
    var prefix: String?
    var sort: Column?
    var isAscending = false
    var cursor: String?
    /// The scope whose row has a form for its limit.
    var edited: Scope?

    /// Reads the query. A value that is not one of the choices counts as missing.
    init(_ query: Form, kind: ScopeKind) {
        self.kind = kind
        if let name = query["meter"], let choice = MeterChoice.all.first(where: { $0.name == name }) { meter = choice }
        period = Self.periods.first { $0.description == query["period"] }
        if let span = query["span"].flatMap(Span.init(rawValue:)) { self.span = span }
        prefix = query["prefix"]
        sort = query["sort"].flatMap(Column.init(rawValue:))
        isAscending = query["order"] == "ascending"
        cursor = query["cursor"]
        edited = query["edit"].flatMap { try? Scope(parsing: $0) }.flatMap { $0.kind == kind ? $0 : nil }
    }

    /// The URL of the page with these choices.
    var url: String {
        var pairs = [(name: "kind", value: kind.description)]
        if meter != .nearest { pairs.append(("meter", meter.name)) }
        if let period { pairs.append(("period", period.description)) }
        if span != .month { pairs.append(("span", span.rawValue)) }
        if let prefix { pairs.append(("prefix", prefix)) }
        if let sort { pairs += [("sort", sort.rawValue), ("order", isAscending ? "ascending" : "descending")] }
        if let cursor { pairs.append(("cursor", cursor)) }
        if let edited { pairs.append(("edit", edited.description)) }
        return "/usage" + Markup.query(pairs)
    }

    /// Returns the URL with a change of the choices. The list begins anew.
    func url(_ change: (inout UsageQuery) -> Void) -> String {
        var query = self
        query.cursor = nil
        query.edited = nil
        change(&query)
        return query.url
    }

    /// Returns the URL of the same page of the list with a form in the row of a scope, or without one.
    func url(editing scope: Scope?) -> String {
        var query = self
        query.edited = scope
        return query.url
    }

    /// Returns the URL that sorts by a column, or in the other direction if it is sorted by it already. Names begin with
    /// the first, amounts with the largest.
    func url(sortedBy column: Column) -> String {
        var query = self
        query.isAscending = sort == column ? !isAscending : column == .scope
        query.sort = column
        query.edited = nil
        return query.url
    }
}
