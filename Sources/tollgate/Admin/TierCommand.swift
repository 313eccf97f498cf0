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
        commandName: "set", abstract: "Create or replace a tier.",
        discussion: "Replaces the whole tier. Settings that are not given are removed.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "1 to 64 of A-Z a-z 0-9 _ -", transform: RequestArgument.tier)
    var id: String
    @Option(help: "The display name.")
    var name: String?
    @Option(help: "A text about the tier.")
    var description: String?
    @Flag(help: "Whether assignments to the tier have an effect. (default: --enable)")
    var state: TierState = .enable
    @Option(
        help: ArgumentHelp(
            "A limit, such as requests/1m=60 or cost/month=unlimited; may be repeated.", valueName: "limit=max"),
        transform: LimitArgument.init)
    var limit: [LimitArgument] = []
    @Option(help: "The IANA time zone of its days, weeks and months. (default: the policy's)")
    var timezone: String?
    @Option(help: "The local hour at which its days begin, 0 to 23. (default: the policy's)")
    var resetHour: Int?
    @Option(help: "The day on which its months begin, 1 to 31. (default: the policy's)")
    var billingDay: Int?

    func validate() throws { try LimitArgument.requireDistinct(limit) }

    func run() async throws {
        let tier = Tier(
            id: id, name: name, description: description, isEnabled: state == .enable,
            limits: LimitArgument.merge(limit, into: []), timeZone: timezone, resetHour: resetHour,
            billingDay: billingDay)
        let request = AdminRequest(.put, "v1", "tiers", id, body: try AdminBody.tier(tier))
        try await options.run {
            try await $0.replace(request)
        } text: {
            AdminText.tier($0)
        }
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
