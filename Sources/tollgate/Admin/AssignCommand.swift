import ArgumentParser

/// The command `tollgate assign role:Faculty premium`.
struct Assign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Assign a tier to a user, a role, an email domain, or everyone.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "user:ID, role:NAME, email_domain:DOMAIN, or default", transform: RequestArgument.subject)
    var subject: String
    @Argument(help: "The id of the tier.")
    var tier: String
    @Option(
        parsing: .unconditional,
        help:
            "The priority; the highest wins. (default: 300 for a user, 200 for a role, 150 for a domain, 100 for everyone)"
    )
    var priority: Int?
    @Flag(help: "Create the assignment disabled.")
    var disabled = false

    func run() async throws {
        let body = try AdminBody.assignment(tier: tier, priority: priority, disabled: disabled)
        let request = AdminRequest(.put, "v1", "assignments", subject, body: body)
        try await options.run {
            try await $0.replace(request)
        } text: {
            AdminText.assignment($0)
        }
    }
}

/// The command `tollgate unassign role:Faculty`.
struct Unassign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Delete an assignment of an administrator; that of the policy file applies again.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "As for assign.", transform: RequestArgument.subject)
    var subject: String

    func run() async throws {
        let request = AdminRequest(.delete, "v1", "assignments", subject)
        try await options.run {
            try await $0.replace(request)
        } text: { _ in
            "\(subject): unassigned"
        }
    }
}

/// The command `tollgate assignments`.
struct Assignments: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List all assignments: those of the policy file, then those of administrators by subject.")
    @OptionGroup var options: AdminOptions

    @Option(help: "The maximum number of assignments of administrators, 1 to 10000.", transform: RequestArgument.limit)
    var limit = 50

    func run() async throws {
        try await options.run { client in
            try await client.pages(atMost: limit) { AdminRequest.page("assignments", of: $0, after: $1) }
        } text: {
            AdminText.assignments($0, on: .current)
        }
    }
}

/// The command `tollgate who alice --role Faculty`.
struct Who: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show a user's tier, the reason for it, and the usage of each limit.",
        discussion: "Only users have tiers. For another scope, such as tenant:acme, it shows the usage of each limit.")
    @OptionGroup var options: AdminOptions

    @Argument(
        help: ArgumentHelp(
            "The user: alice or user:alice. An id with a colon is written user:ID.", valueName: "user"),
        transform: RequestArgument.userOrScope)
    var subject: RequestArgument.Subject
    @Option(help: "A role of the user; may be repeated.")
    var role: [String] = []
    @Option(help: "The user's email address.")
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
        switch subject {
        case .user(let id):
            let request = AdminRequest(.get, "v1", "users", id, query: query)
            try await options.run {
                try await $0.send(request)
            } text: {
                AdminText.user($0, on: .current)
            }
        case .scope(let scope):
            let request = AdminRequest(.get, "v1", "usage", query: [("scope", scope)] + query)
            try await options.run {
                try await $0.send(request)
            } text: {
                (Terminal.current.fitted("tiers are of users, and \(scope) is not a user", indent: 0) + ["", ""])
                    .joined(separator: "\n") + UsageText.scope($0, on: .current)
            }
        }
    }
}
