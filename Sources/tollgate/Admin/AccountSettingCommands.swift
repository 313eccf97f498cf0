import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// The command `tollgate account set main --provider anthropic --credential-file /etc/tollgate/key`.
struct AccountSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Create an account, or change what is given of it.",
        discussion: "Settings and limits that are not given stay as they are; --replace removes them.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id of the account.", transform: RequestArgument.account)
    var id: String
    @Option(help: "anthropic, openai, openrouter or github. Needed for a new account.", transform: Self.provider)
    var provider: ProviderKind?
    @Option(
        help: ArgumentHelp(
            "The file on the hosts of the sidecars that contains the key with which usage is read.", valueName: "path"))
    var credentialFile: String?
    @Option(
        help: ArgumentHelp("The variable of the sidecars' environment that contains the key.", valueName: "name"))
    var credentialEnv: String?
    @Option(
        name: .customLong("workspace-id"),
        help: ArgumentHelp("Read the usage of this workspace alone; may be repeated.", valueName: "id"))
    var workspaceIDs: [String] = []
    @Option(
        name: .customLong("project-id"),
        help: ArgumentHelp("Read the usage of this project alone; may be repeated.", valueName: "id"))
    var projectIDs: [String] = []
    @Option(
        name: .customLong("api-key-id"),
        help: ArgumentHelp("Read the usage of the key with this id alone; may be repeated.", valueName: "id"))
    var apiKeyIDs: [String] = []
    @Option(
        help: ArgumentHelp(
            "Let requests that name this provider and no account count in the account.", valueName: "provider"))
    var bind: String?
    @Option(help: "The day on which the billing period begins, 1 to 31. (default for a new account: 1)")
    var billingDay: Int?
    @Option(
        help: ArgumentHelp(
            "The time between two readings, from 60s to 24h. (default for a new account: 60s)", valueName: "duration"),
        transform: Self.interval)
    var sync: Int?
    @Option(
        help: ArgumentHelp(
            "A limit, such as tokens/month=5000000000 or cost/month=unlimited; may be repeated.",
            valueName: "limit=max"),
        transform: LimitArgument.init)
    var limit: [LimitArgument] = []
    @Option(
        help: ArgumentHelp("Whose amount counts against these limits: own, provider or max.", valueName: "side"),
        transform: CountedSide.init(parsing:))
    var source: CountedSide?
    @Flag(help: "Remove the limits that are not given.")
    var noLimits = false
    @Flag(help: "Remove all settings and limits that are not given.")
    var replace = false

    func validate() throws {
        try LimitArgument.requireDistinct(limit)
        guard credentialFile == nil || credentialEnv == nil else {
            throw ValidationError("expected --credential-file or --credential-env, not both")
        }
        guard provider != nil || !replace else { throw ValidationError("--replace needs --provider") }
    }

    func run() async throws {
        try await options.run { client in
            let path = AdminRequest(.get, "v1", "accounts", id)
            var request = path
            request.method = .put
            guard let now = try await client.sendIfPresent(path) else {
                guard let provider else {
                    throw AdminFailure(["there is no account \(id); to create it, name its --provider"])
                }
                request.body = try AdminBody.account(changed(Account(provider: provider), over: []))
                return try await client.replace(request)
            }
            let account = try AdminBody.account(of: now.value(), id: id)
            guard account.baseURL == nil || replace else {
                throw AdminFailure([
                    "\(id) has a base_url in the policy file: change it there, or use --replace to replace it by an account that is read at the provider's own address"
                ])
            }
            request.body = try AdminBody.account(
                changed(
                    replace ? Account(provider: provider ?? account.provider) : account,
                    over: try AdminBody.fileLimits(among: now.value()["usage"])))
            // An account of the policy file has no version: it is replaced by one of an administrator.
            return try await client.send(now.etag.map(request.matching) ?? request)
        } text: {
            AccountText.settings($0)
        }
    }

    /// Returns the account with what is given.
    ///
    /// - Parameter file: The limits that the policy file gives the account.
    private func changed(_ account: Account, over file: [Limit]) -> Account {
        var account = account
        if let provider {
            // The parts of another provider's organization have no meaning here.
            if provider != account.provider { account.filters = [:] }
            account.provider = provider
        }
        if let credentialFile { account.credential = .file(credentialFile) }
        if let credentialEnv { account.credential = .environment(credentialEnv) }
        let filters = ["workspace_ids": workspaceIDs, "project_ids": projectIDs, "api_key_ids": apiKeyIDs]
        account.filters.merge(filters.filter { !$0.value.isEmpty }) { $1 }
        account.binding = bind ?? account.binding
        account.billingDay = billingDay ?? account.billingDay
        account.interval = sync ?? account.interval
        account.limits = LimitArgument.merge(
            limit, counts: source, into: noLimits ? [] : account.limits, over: replace ? [] : file)
        return account
    }

    private static func provider(_ text: String) throws -> ProviderKind {
        guard let provider = ProviderKind(rawValue: text) else {
            throw ScopeError("expected \(ProviderKind.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        return provider
    }

    private static func interval(_ text: String) throws -> Int {
        guard let seconds = Account.interval(parsing: text) else {
            throw ScopeError("expected a duration from 60s to 24h, such as 5m")
        }
        return seconds
    }
}

/// The command `tollgate account unset main`.
struct AccountUnset: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unset", abstract: "Delete an account of an administrator.",
        discussion: "An account of the policy file with this id applies again.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id of the account.", transform: RequestArgument.account)
    var id: String

    func run() async throws {
        try await options.run {
            try await $0.replace(AdminRequest(.delete, "v1", "accounts", id))
        } text: { _ in
            "\(id): deleted"
        }
    }
}
