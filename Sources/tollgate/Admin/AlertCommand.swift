import ArgumentParser

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
        discussion: "The same threshold opens no other alert in this period.")
    @OptionGroup var arguments: AlertArguments

    func run() async throws { try await arguments.change("resolve") }
}
