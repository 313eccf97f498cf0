import ArgumentParser

/// The command `tollgate reset user:alice requests/1m`.
struct Reset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Set the counters of a scope to nothing: of the limits named, or of all.",
        discussion: "What is kept of days and months stays, and so does what open reservations hold.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:alice, user:alice+tool:search, or global", transform: RequestArgument.scope)
    var scope: String
    @Argument(help: ArgumentHelp("Such as requests/1m.", valueName: "limit"), transform: LimitName.init)
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
