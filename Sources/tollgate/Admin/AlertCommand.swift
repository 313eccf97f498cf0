import ArgumentParser
import TollgateAdmin
import TollgateCore

/// The command `tollgate alert`.
struct AlertCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alert", abstract: "Show, acknowledge and resolve an alert.",
        subcommands: [AlertShow.self, AlertAcknowledge.self, AlertResolve.self])
}

/// The argument that identifies an alert.
struct AlertArguments: ParsableArguments {
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id that tollgate alerts prints.", transform: RequestArgument.alert)
    var id: String

    /// Changes the state of the alert.
    ///
    /// - Parameter verb: The last path segment of the API.
    func change(_ verb: String) async throws {
        try await options.run {
            try await $0.send(AdminRequest(.post, "v1", "alerts", id, verb))
        } text: {
            AdminText.alertChange($0)
        }
    }
}

/// The command `tollgate alert show mi8x3k2p-1b0q6y0c3v5xk`.
struct AlertShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "All that is known of an alert.")
    @OptionGroup var arguments: AlertArguments

    func run() async throws {
        try await arguments.options.run {
            try await $0.send(AdminRequest(.get, "v1", "alerts", arguments.id))
        } text: {
            AdminText.alert($0)
        }
    }
}

/// The command `tollgate alert acknowledge mi8x3k2p-1b0q6y0c3v5xk`.
struct AlertAcknowledge: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acknowledge", abstract: "Acknowledge an open alert, which stays active.")
    @OptionGroup var arguments: AlertArguments

    func run() async throws { try await arguments.change("acknowledge") }
}

/// The command `tollgate alert resolve mi8x3k2p-1b0q6y0c3v5xk`.
struct AlertResolve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resolve", abstract: "Resolve an alert.",
        discussion: "The same threshold opens no other alert in this period, unless a refund takes usage below it.")
    @OptionGroup var arguments: AlertArguments

    func run() async throws { try await arguments.change("resolve") }
}

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
    @Option(help: "The maximum number of alerts, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func validate() throws {
        let states = state.split(separator: ",", omittingEmptySubsequences: false)
        guard state == "all" || states.allSatisfy({ Alert.State(rawValue: String($0)) != nil }) else {
            throw ValidationError("--state \(state): expected open, acknowledged, resolved or all.")
        }
        guard severity.map({ Alert.Severity(rawValue: $0) != nil }) ?? true else {
            throw ValidationError("--severity: expected warning or critical.")
        }
    }

    func run() async throws {
        let filters = [("state", state == "all" ? nil : state), ("scope", scope), ("severity", severity)]
        try await options.run { client in
            try await client.pages(atMost: limit) {
                AdminRequest.page("alerts", query: filters, of: $0, after: $1)
            }
        } text: {
            AdminText.alerts($0, on: .current)
        }
    }
}
