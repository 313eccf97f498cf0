import ArgumentParser
import Foundation
import NIOCore
import TollgateAdmin
import TollgateClient
import TollgatePolicy
import TollgateServer
import TollgateWire

/// The options that name a running sidecar.
struct SidecarOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The sidecar: host:port or unix:PATH. (default: TOLLGATE_CONNECT, or 127.0.0.1:7379)", valueName: "address")
    )
    var connect: String?

    @Option(
        help: ArgumentHelp(
            "The file that contains the token. (default: TOLLGATE_TOKEN_FILE, or TOLLGATE_TOKEN)", valueName: "file"))
    var tokenFile: String?

    /// Sends one request line. Exits with status 2 if there is no reply.
    func reply(to verb: Verb, _ words: [String] = []) async throws -> (line: String, value: Reply) {
        do {
            return try await send(RequestLine.make(verb, words))
        } catch {
            StandardError.print("\(error)")
            if case .refused("unauthenticated", _)? = error as? TollgateClientError {
                StandardError.print(Self.tokenHint)
            }
            throw ExitCode(2)
        }
    }

    /// The sentence after the error of a missing or wrong token.
    private static let tokenHint =
        "Name the file of the sidecar's token in --token-file or TOLLGATE_TOKEN_FILE, or set TOLLGATE_TOKEN."

    /// Prints the line of an error, and a hint if there is one.
    static func printError(_ line: String, _ reply: Reply) {
        StandardError.print(line)
        if case .error("unauthenticated", _) = reply { StandardError.print(tokenHint) }
    }

    /// Sends one request whose reply is JSON. Exits with status 2 for any other reply, or none.
    func document(from verb: Verb, _ words: [String] = []) async throws -> (text: String, value: JSONValue) {
        let reply = try await reply(to: verb, words)
        guard case .json(let text) = reply.value,
            let value = try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        else {
            Self.printError(reply.line, reply.value)
            throw ExitCode(2)
        }
        return (text, value)
    }

    private func send(_ line: ByteBuffer) async throws -> (String, Reply) {
        let client = TollgateClient(try address(), token: try token(), deadline: .seconds(5))
        let reply: String
        do {
            reply = try await client.send(line)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        return (reply, try Array(reply.utf8).withUnsafeBytes { try ReplyParser.parse($0) })
    }

    /// Parses the address. Throws an error that names the option.
    func address() throws -> TollgateAddress {
        let environment = ProcessInfo.processInfo.environment
        try EnvironmentNames.check(environment.keys)
        do {
            return try TollgateAddress(parsing: connect ?? environment["TOLLGATE_CONNECT"] ?? "127.0.0.1:7379")
        } catch {
            throw OperatorError("--connect \(error)")
        }
    }

    func token() throws -> String? {
        let environment = ProcessInfo.processInfo.environment
        guard let path = tokenFile ?? environment["TOLLGATE_TOKEN_FILE"] else {
            return try environment["TOLLGATE_TOKEN"].map { try ClientToken.checked($0, "TOLLGATE_TOKEN") }
        }
        return try ClientToken.checked(TokenFile.read(path), "--token-file \(path)")
    }
}

/// The options of the commands that send one request to a running sidecar.
struct ClientOptions: ParsableArguments {
    @OptionGroup var sidecar: SidecarOptions

    @Flag(help: "Print the reply as JSON, as the admin API does.")
    var json = false

    /// Sends one request line and prints the reply. Exits with status 0, 1 for a DENY, or 2 for an error.
    func ask(_ verb: Verb, _ words: [String] = []) async throws {
        let reply = try await sidecar.reply(to: verb, words)
        let text = json ? try ReplyJSON.text(reply.value, to: verb) : reply.line
        if case .error = reply.value, !json { SidecarOptions.printError(text, reply.value) } else { print(text) }
        switch reply.value {
        case .decision(let decision) where !decision.allowed: throw ExitCode(1)
        case .error: throw ExitCode(2)
        default: return
        }
    }
}
