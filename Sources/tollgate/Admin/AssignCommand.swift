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
