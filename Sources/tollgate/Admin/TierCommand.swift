import ArgumentParser
import TollgateCore
import TollgatePolicy

/// The command `tollgate tier`.
struct TierCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tier", abstract: "List, create, replace and delete tiers.",
        subcommands: [TierList.self, TierSet.self, TierDelete.self])
}

/// The command `tollgate tier list`.
struct TierList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List all tiers, of the policy file and of administrators.")
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run {
            try await $0.send(AdminRequest(.get, "v1", "tiers"))
        } text: {
            AdminText.tiers($0, on: .current)
        }
    }
}

/// The command `tollgate tier set premium --limit cost/month=500`.
struct TierSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Create a tier, or change what is given of it.",
        discussion: "Settings and limits that are not given stay as they are; --replace removes them.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "1 to 64 of A-Z a-z 0-9 _ -", transform: RequestArgument.tier)
    var id: String
    @Option(help: "The display name.")
    var name: String?
    @Option(help: "A text about the tier.")
    var description: String?
    @Flag(help: "Whether assignments to the tier have an effect. (default for a new tier: --enable)")
    var state: TierState?
    @Option(
        help: ArgumentHelp(
            "A limit, such as requests/1m=60 or cost/month=unlimited; may be repeated.", valueName: "limit=max"),
        transform: LimitArgument.init)
    var limit: [LimitArgument] = []
    @Flag(help: "Remove the limits that are not given.")
    var noLimits = false
    @Flag(help: "Remove all settings and limits that are not given.")
    var replace = false
    @Option(help: "The IANA time zone of its days, weeks and months. (default: the policy's)")
    var timezone: String?
    @Option(help: "The local hour at which its days begin, 0 to 23. (default: the policy's)")
    var resetHour: Int?
    @Option(help: "The day on which its months begin, 1 to 31. (default: the policy's)")
    var billingDay: Int?

    func validate() throws { try LimitArgument.requireDistinct(limit) }

    func run() async throws {
        try await options.run { client in
            let path = AdminRequest(.get, "v1", "tiers", id)
            var request = path
            request.method = .put
            guard !replace, let now = try await client.sendIfPresent(path) else {
                request.body = try AdminBody.tier(changed(Tier(id: id)))
                return try await client.replace(request)
            }
            request.body = try AdminBody.tier(changed(try AdminBody.tier(of: now.value(), id: id)))
            // A tier of the policy file has no version: it is replaced by one of an administrator.
            return try await client.send(now.etag.map(request.matching) ?? request)
        } text: {
            AdminText.tier($0)
        }
    }

    /// Returns the tier with what is given.
    private func changed(_ tier: Tier) -> Tier {
        var tier = tier
        tier.name = name ?? tier.name
        tier.description = description ?? tier.description
        if let state { tier.isEnabled = state == .enable }
        tier.limits = LimitArgument.merge(limit, into: noLimits ? [] : tier.limits)
        tier.timeZone = timezone ?? tier.timeZone
        tier.resetHour = resetHour ?? tier.resetHour
        tier.billingDay = billingDay ?? tier.billingDay
        return tier
    }
}

/// The flags `--enable` and `--disable`.
enum TierState: String, EnumerableFlag {
    case enable
    case disable
}

/// The command `tollgate tier delete premium`.
struct TierDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a tier of an administrator that has no assignments.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "Its id.", transform: RequestArgument.tier)
    var id: String

    func run() async throws {
        try await options.run {
            try await $0.replace(AdminRequest(.delete, "v1", "tiers", id))
        } text: { _ in
            "\(id): deleted"
        }
    }
}
