import ArgumentParser
import TollgateAdmin

/// The command `tollgate account`.
struct AccountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "account", abstract: "See and set the accounts at providers, and see what the providers count.",
        subcommands: [
            AccountList.self, AccountShow.self, AccountSyncCommand.self, AccountSet.self, AccountUnset.self,
        ])
}

/// The command `tollgate account list`.
struct AccountList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List all accounts, with our usage and the provider's.",
        discussion: "The usage is that of the current billing period.")
    @OptionGroup var options: AdminOptions

    func run() async throws {
        try await options.run {
            try await $0.send(AdminRequest(.get, "v1", "accounts"))
        } text: {
            AccountText.list($0, on: .current)
        }
    }
}

/// The command `tollgate account show main`.
struct AccountShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show an account, its quotas, and the provider's figures by day.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id of the account.")
    var id: String

    func run() async throws {
        let id = id
        try await options.run {
            try await $0.send(AdminRequest(.get, "v1", "accounts", id))
        } text: {
            AccountText.account($0, on: .current)
        }
    }
}

/// The command `tollgate account sync main`.
struct AccountSyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync", abstract: "Request that the usage of an account is read from its provider.",
        discussion: "It is read once a minute has passed since the last time.")
    @OptionGroup var options: AdminOptions

    @Argument(help: "The id of the account.")
    var id: String

    func run() async throws {
        let id = id
        try await options.run {
            try await $0.send(AdminRequest(.post, "v1", "accounts", id, "sync", body: "{}"))
        } text: {
            "\($0["id"].text): requested; last read \(AccountText.time($0["last_success_at"]))"
        }
    }
}
