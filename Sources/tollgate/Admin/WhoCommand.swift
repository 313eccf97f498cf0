import ArgumentParser

/// The command `tollgate who alice --role Faculty`.
struct Who: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a user's tier, the reason for it, and the usage of each limit.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id of the user, without user:.", transform: RequestArgument.user)
    var user: String
    @Option(help: "A role of the user; may be repeated.")
    var role: [String] = []
    @Option(help: "The user's e-mail address.")
    var email: String?

    func validate() throws {
        if let wrong = role.first(where: { $0.isEmpty || $0.contains(",") }) {
            throw ValidationError("--role \(wrong): expected one role, without a comma; the option may be repeated.")
        }
    }

    func run() async throws {
        var query: [(String, String)] = []
        if let email { query.append(("email", email)) }
        if !role.isEmpty { query.append(("roles", role.joined(separator: ","))) }
        let request = AdminRequest(.get, "v1", "users", user, query: query)
        try await options.run {
            try await $0.send(request)
        } text: {
            AdminText.user($0)
        }
    }
}
