import ArgumentParser
import Foundation
import TollgateAdmin
import TollgatePolicy
import TollgateServer

/// The options of the commands that call a sidecar's admin API.
struct AdminOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The admin API: host:port, http://…, https://… or unix:PATH. (default: TOLLGATE_ADMIN_CONNECT, or 127.0.0.1:7380)",
            valueName: "address"))
    var admin: String?

    @Option(
        help: ArgumentHelp(
            "The file that contains the token. (default: TOLLGATE_ADMIN_TOKEN_FILE, TOLLGATE_ADMIN_TOKEN, or admin-token in TOLLGATE_DATA or tollgate-data)",
            valueName: "file"))
    var adminTokenFile: String?

    @Option(
        help: ArgumentHelp(
            "The timeout of a response; six times as long for a report. (default: TOLLGATE_ADMIN_TIMEOUT, or 10s)",
            valueName: "duration"))
    var adminTimeout: String?

    @Flag(help: "Print the API's JSON.")
    var json = false

    /// Calls the API and prints the response as `text` formats it, and its warnings to standard error. With `--json` or
    /// `isRaw`, prints the response itself. Exits with status 2 on an error.
    ///
    /// - Parameter patienceFactor: The factor by which this response may exceed the timeout.
    func run(
        isRaw: Bool = false, patienceFactor: Int = 1, _ ask: (AdminClient) async throws -> AdminReply,
        text: (JSONValue) throws -> String
    ) async throws {
        do {
            let reply = try await withClient(patienceFactor: patienceFactor, ask)
            let warnings = isRaw ? [] : (try? reply.value()["warnings"].array) ?? []
            for warning in warnings { StandardError.print("warning: \(JSONValue.printable(warning.text))") }
            if json || isRaw {
                let text = String(decoding: reply.body, as: UTF8.self)
                // The response to a DELETE has no body.
                print(
                    text.isEmpty ? #"{"status":"ok"}"# : text,
                    terminator: text.utf8.last == UInt8(ascii: "\n") ? "" : "\n")
            } else {
                print(try text(reply.value()))
            }
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }

    /// Runs a body with a client of the API, which is shut down afterwards.
    func withClient<Result>(
        patienceFactor: Int = 1, _ body: (AdminClient) async throws -> Result
    ) async throws -> Result {
        let environment = ProcessInfo.processInfo.environment
        try EnvironmentNames.check(environment.keys)
        let patience = try timeout(environment) * patienceFactor
        let client = AdminClient(
            try AdminAddress(parsing: admin ?? environment["TOLLGATE_ADMIN_CONNECT"] ?? "127.0.0.1:7380"),
            token: try AdminClientToken.find(file: adminTokenFile, environment: environment), patience: patience)
        do {
            let result = try await body(client)
            await client.shutdown()
            return result
        } catch {
            await client.shutdown()
            throw error
        }
    }

    private func timeout(_ environment: [String: String]) throws -> Duration {
        let (name, text) =
            adminTimeout.map { ("--admin-timeout", $0) }
            ?? ("TOLLGATE_ADMIN_TIMEOUT", environment["TOLLGATE_ADMIN_TIMEOUT"] ?? "10s")
        guard let timeout = Duration(setting: text), timeout > .zero, timeout <= .seconds(3_600) else {
            throw AdminFailure(["\(name) \(text): expected a duration from 1ms to 1h such as 500ms, 10s or 2m"])
        }
        return timeout
    }
}

/// The token that commands send to the admin API.
struct AdminClientToken: Equatable {
    var text: String
    /// Where the token comes from: a file or a variable.
    var source: String

    /// Finds the token. Throws an error if there is none, or if it cannot be sent.
    static func find(file: String?, environment: [String: String]) throws -> AdminClientToken {
        let token: AdminClientToken
        // The file of a token that a sidecar generated, if it runs in this folder or with these variables.
        let defaultFile = (environment["TOLLGATE_DATA"] ?? "tollgate-data") + "/admin-token"
        func read(_ file: String, namedBy name: String) throws -> AdminClientToken {
            AdminClientToken(text: try TokenFile.read(file, namedBy: name), source: "the file \(file)")
        }
        if let file {
            token = try read(file, namedBy: "--admin-token-file")
        } else if let file = environment["TOLLGATE_ADMIN_TOKEN_FILE"] {
            token = try read(file, namedBy: "TOLLGATE_ADMIN_TOKEN_FILE")
        } else if let text = environment["TOLLGATE_ADMIN_TOKEN"], !text.isEmpty {
            token = AdminClientToken(text: text, source: "TOLLGATE_ADMIN_TOKEN")
        } else if FileManager.default.fileExists(atPath: defaultFile) {
            token = try read(defaultFile, namedBy: "token file")
        } else {
            throw OperatorError(
                """
                no token: set --admin-token-file, TOLLGATE_ADMIN_TOKEN_FILE or TOLLGATE_ADMIN_TOKEN. \
                A sidecar without --admin-access stores one in the file admin-token of its data folder.
                """)
        }
        guard token.text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw OperatorError("\(token.source): expected a token of ASCII characters without spaces, on one line")
        }
        guard token.text.utf8.count >= AccessSettings.Token.minLength else {
            throw OperatorError("\(token.source): expected a token of at least \(AccessSettings.Token.minLength) bytes")
        }
        return token
    }
}
