import ArgumentParser
import Foundation
import TollgatePolicy

/// The command `tollgate dashboard`.
struct DashboardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dashboard", abstract: "Sign in to the dashboard in a browser.",
        discussion: """
            Prints a link that signs in the bearer of the token, once, within a short time. On a desktop, the link is \
            opened in a browser, too. With --json, nothing is opened.
            """)
    @OptionGroup var options: AdminOptions

    @Flag(help: "Only print the link. Other users of a machine can see the links that its browsers are started with.")
    var noOpen = false

    func run() async throws {
        var link: String?
        var end = ""
        try await options.run { client in
            guard !client.address.isUnixSocket else {
                throw OperatorError(
                    "a browser cannot open a Unix socket: name the host:port of an admin API with --admin")
            }
            let reply = try await client.send(AdminRequest(.post, "v1", "sign-in-links"))
            let value = try reply.value()
            guard let path = value["path"].string, let expiry = value["expires_at"].string else {
                throw AdminFailure(["\(client.address.base): the response has no link"])
            }
            link = client.address.base + path
            end = expiry
            return reply
        } text: { _ in
            link ?? ""
        }
        guard !options.json, let link else { return }
        let isOpened = !noOpen && Desktop(ProcessInfo.processInfo.environment)?.open(link) == true
        // Where both outputs are one, the link comes first.
        fflush(nil)
        StandardError.print(
            (isOpened ? "The link has been opened in a browser." : "Open the link in a browser.")
                + " It is valid once, until \(end).")
    }
}

/// The program that opens links on the desktop of the user.
struct Desktop: Equatable {
    var program: String

    /// Finds the program. Returns nil without a desktop.
    init?(_ environment: [String: String]) {
        #if os(macOS)
        program = "/usr/bin/open"
        #else
        guard ["DISPLAY", "WAYLAND_DISPLAY"].contains(where: { environment[$0]?.isEmpty == false }) else {
            return nil
        }
        let candidates = (environment["PATH"] ?? "").split(separator: ":").map { "\($0)/xdg-open" }
        guard let program = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
            return nil
        }
        self.program = program
        #endif
    }

    /// Starts the program. Returns whether it was started, because it may run as long as the browser.
    func open(_ link: String) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [link]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return (try? process.run()) != nil
    }
}
