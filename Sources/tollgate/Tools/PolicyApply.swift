import ArgumentParser
import Foundation
import TollgateAdmin
import TollgatePolicy
import TollgateServer

/// The command `tollgate policy apply FILE`.
struct PolicyApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Make the settings of administrators equal to a policy file.",
        discussion: """
            Sets and removes tiers, assignments, accounts and limits of scopes through the admin API, after it has printed the \
            changes and asked. Overrides stay. Settings that the API cannot change must be equal to those in force. \
            Exits with status 0 if all changes are made or there are none, 1 if you decline, and 2 on an error.
            """)
    @OptionGroup var options: AdminOptions

    @Argument(help: "The policy file.")
    var file: String
    @Flag(help: "Apply the changes without asking.")
    var yes = false
    @Flag(help: "Print the changes, and apply none.")
    var dryRun = false

    func run() async throws {
        do {
            let text = try PolicyFile(path: file).text()
            let policy = try Policy(wholeFile: text, file: file)
            let keys = try YAMLDocument(yaml: text, file: file).root()?.members?.compactMap(\.key.text) ?? []
            try await options.withClient { client in
                let plan = try PolicyPlan(policy, keys: keys, now: try await SettingsInForce(client))
                guard plan.differences.isEmpty else { throw Self.failure(plan.differences, file) }
                printPlan(plan)
                guard !plan.changes.isEmpty else { return }
                guard !dryRun else {
                    if !options.json { print("nothing was changed") }
                    return
                }
                guard try isConfirmed(plan.changes.count) else { return }
                try await Self.apply(plan.changes, client)
                if !options.json { print("applied \(Self.count(plan.changes.count))") }
            }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }

    private static func failure(_ differences: [String], _ file: String) -> AdminFailure {
        AdminFailure(
            differences + [
                "the admin API cannot change these settings: change them in the sidecar's own policy file, or remove them "
                    + "from \(file). Nothing was changed."
            ])
    }

    private func printPlan(_ plan: PolicyPlan) {
        if options.json {
            let changes = plan.changes.map {
                JSONValue.object(["target": .string($0.target), "change": .string($0.words)])
            }
            let notes = plan.notes.map { JSONValue.string($0) }
            print(JSONValue.object(["changes": .array(changes), "notes": .array(notes)]).json)
        } else {
            print(plan.text(on: .current))
        }
    }

    private static func count(_ changes: Int) -> String { "\(changes) \(changes == 1 ? "change" : "changes")" }

    private func isConfirmed(_ count: Int) throws -> Bool {
        if yes { return true }
        guard isatty(STDIN_FILENO) == 1 else {
            throw AdminFailure(["nothing was changed: standard input is not a terminal, so --yes is needed to apply"])
        }
        StandardError.prompt("Apply \(count == 1 ? "this change" : "these \(count) changes")? [y/N] ")
        guard ["y", "yes"].contains(readLine()?.lowercased()) else {
            StandardError.print("nothing was changed")
            throw ExitCode(1)
        }
        return true
    }

    /// Makes the changes one after the other. If one fails, the error says which ones have been made.
    static func apply(_ changes: [PolicyPlan.Change], _ client: AdminClient) async throws {
        for (index, change) in changes.enumerated() {
            do {
                _ = try await client.send(change.request)
            } catch {
                let lines = (error as? AdminFailure)?.lines ?? ["\(error)"]
                throw AdminFailure(
                    ["\(change.target): \(lines.first ?? "failed")"] + lines.dropFirst() + [
                        "applied \(index) of \(count(changes.count)); run the command again for the rest"
                    ])
            }
        }
    }
}
