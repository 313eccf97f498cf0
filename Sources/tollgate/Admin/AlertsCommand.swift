import ArgumentParser
import TollgateCore

/// The command `tollgate alerts --scope user:alice`.
struct Alerts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List alerts about limits that are exhausted, or nearly, newest first.",
        discussion: "Without --state, lists active alerts: open and acknowledged.")
    @OptionGroup var options: AdminOptions

    @Option(help: "A comma-separated list of open, acknowledged and resolved, or all.")
    var state = "open,acknowledged"
    @Option(help: "A scope, such as user:alice, user:alice+tool:search or global.", transform: RequestArgument.scope)
    var scope: String?
    @Option(help: "The severity: warning or critical.")
    var severity: String?
    @Option(help: "The maximum number of alerts, 1 to 10000.")
    var limit = 50

    func validate() throws {
        let states = state.split(separator: ",", omittingEmptySubsequences: false)
        guard state == "all" || states.allSatisfy({ Alert.State(rawValue: String($0)) != nil }) else {
            throw ValidationError("--state \(state): expected open, acknowledged, resolved or all.")
        }
        guard severity.map({ Alert.Severity(rawValue: $0) != nil }) ?? true else {
            throw ValidationError("--severity: expected warning or critical.")
        }
        guard (1...10_000).contains(limit) else { throw ValidationError("--limit: expected 1 to 10000.") }
    }

    func run() async throws {
        let filters = [("state", state == "all" ? nil : state), ("scope", scope), ("severity", severity)]
        try await options.run { client in
            try await client.pages(atMost: limit) { count, cursor in
                let query = filters + [("limit", "\(count)"), ("cursor", cursor)]
                return AdminRequest(
                    .get, "v1", "alerts", query: query.compactMap { key, value in value.map { (key, $0) } })
            }
        } text: {
            AdminText.alerts($0)
        }
    }
}
