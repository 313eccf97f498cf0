import ArgumentParser
import TollgateCore

/// The command `tollgate alerts --scope user:alice`.
struct Alerts: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Limits that are used up, or nearly: the alerts, newest first.",
        discussion: "Without --state those that are active: open and acknowledged.")
    @OptionGroup var options: AdminOptions

    @Option(help: "open, acknowledged, resolved, several with commas between them, or all.")
    var state = "open,acknowledged"
    @Option(help: "Of one scope: user:alice, user:alice+tool:search, or global.", transform: RequestArgument.scope)
    var scope: String?
    @Option(help: "warning or critical")
    var severity: String?
    @Option(help: "The most alerts to show, 1 to 10000.")
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
