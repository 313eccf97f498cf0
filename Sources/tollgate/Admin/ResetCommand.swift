import ArgumentParser

/// The command `tollgate reset user:alice requests/1m`.
struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reset the counters of a scope: of the named limits, or of all.",
        discussion: "The history of days and months, and the amounts of open reservations, are not reset.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Argument(
        help: ArgumentHelp("The name of a limit, such as requests/1m.", valueName: "limit"), transform: LimitName.init)
    var limits: [LimitName] = []

    func run() async throws {
        let body = try AdminBody.reset(limits.map(\.name))
        let request = AdminRequest(.post, "v1", "scopes", scope, "reset", body: body)
        try await options.run {
            try await $0.send(request)
        } text: {
            AdminText.reset($0)
        }
    }
}
