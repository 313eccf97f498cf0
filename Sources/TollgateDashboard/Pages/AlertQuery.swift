import TollgateAdmin
import TollgateCore
import TollgateStores

/// The choices of the page of alerts, as its URL states them.
struct AlertQuery: Sendable {
    /// The states to show.
    enum States: String, CaseIterable, Sendable {
        case unresolved
        case open
        case acknowledged
        case resolved
        case all

        var label: String { self == .all ? "All" : rawValue.prefix(1).uppercased() + rawValue.dropFirst() }

        /// The lists that the page shows one after the other.
        var lists: [Set<Alert.State>] {
            switch self {
            case .unresolved: [[.open, .acknowledged]]
            case .open: [[.open]]
            case .acknowledged: [[.acknowledged]]
            case .resolved: [[.resolved]]
            case .all: [[.open, .acknowledged], [.resolved]]
            }
        }
    }

    /// The number of alerts of a page.
    static let size = 100

    var states = States.unresolved
    var severity: Alert.Severity?
    /// The scope, as entered.
    var scopeText: String?
    var scope: Scope?
    /// The position in a list: its index and the cursor, `0:CURSOR`.
    var cursor: String?

    /// Reads the query. Throws a `Problem` about a scope that is not one. Other values that are not one of the choices
    /// count as missing.
    init(_ query: Form) throws(Problem) {
        states = query["state"].flatMap(States.init(rawValue:)) ?? .unresolved
        severity = query["severity"].flatMap(Alert.Severity.init(rawValue:))
        cursor = query["cursor"]
        scopeText = query["scope"]
        guard let scopeText else { return }
        do throws(ScopeError) {
            scope = try Scope(parsing: scopeText)
        } catch {
            throw .badRequest("scope: \(error)")
        }
    }

    /// The URL of the page with these choices.
    var url: String {
        var pairs: [(name: String, value: String)] = []
        if states != .unresolved { pairs.append(("state", states.rawValue)) }
        if let severity { pairs.append(("severity", severity.rawValue)) }
        if let scopeText { pairs.append(("scope", scopeText)) }
        if let cursor { pairs.append(("cursor", cursor)) }
        return "/alerts" + Markup.query(pairs)
    }

    /// Returns the URL of another page of the same list.
    func url(at cursor: String?) -> String {
        var query = self
        query.cursor = cursor
        return query.url
    }

    /// Reads the page. Unresolved alerts come first, and of those the newest.
    ///
    /// - Parameter folded: The scope as counters know it.
    func page(of store: AlertStore, scope: Scope?) async throws -> TollgateStores.Page<Alert> {
        let lists = states.lists
        let parts = cursor?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false) ?? []
        var index = parts.first.flatMap { Int($0) }.flatMap { lists.indices.contains($0) ? $0 : nil } ?? 0
        var position = parts.count > 1 && !parts[1].isEmpty ? String(parts[1]) : nil
        var alerts: [Alert] = []
        while true {
            let filter = AlertFilter(states: lists[index], scope: scope, severity: severity)
            let page = try await store.alerts(filter, before: position, atMost: Self.size - alerts.count)
            alerts += page.items
            if let next = page.next { return .init(items: alerts, next: "\(index):\(next)") }
            index += 1
            position = nil
            guard index < lists.count else { return .init(items: alerts, next: nil) }
            guard alerts.count < Self.size else { return .init(items: alerts, next: "\(index):") }
        }
    }
}
