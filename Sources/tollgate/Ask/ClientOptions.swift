import ArgumentParser
import Foundation
import NIOCore
import TollgateClient
import TollgateServer
import TollgateWire

/// How the commands that ask a running sidecar reach it.
struct ClientOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The sidecar: host:port or unix:PATH. (default: TOLLGATE_CONNECT, or 127.0.0.1:7379)", valueName: "address")
    )
    var connect: String?

    @Option(
        help: ArgumentHelp(
            "File that holds the token. (default: TOLLGATE_TOKEN_FILE, or TOLLGATE_TOKEN)", valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Print the reply as JSON.")
    var json = false

    /// Sends one request line, prints the reply, and ends the process with a status that tells of it: 0, 1 for a DENY, 2 for
    /// an error.
    func ask(_ verb: Verb, _ words: [String] = []) async throws {
        let reply: (line: String, value: Reply)
        do {
            reply = try await send(RequestLine.make(verb, words))
        } catch {
            Failure.print("\(error)")
            throw ExitCode(2)
        }
        if case .error = reply.value, !json { Failure.print(reply.line) } else { print(try text(of: reply)) }
        switch reply.value {
        case .decision(let decision) where !decision.allowed: throw ExitCode(1)
        case .error: throw ExitCode(2)
        default: return
        }
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

    /// Throws a sentence that names the option.
    func address() throws -> TollgateAddress {
        let environment = ProcessInfo.processInfo.environment
        do {
            return try TollgateAddress(parsing: connect ?? environment["TOLLGATE_CONNECT"] ?? "127.0.0.1:7379")
        } catch {
            throw ServerError("--connect \(error)")
        }
    }

    func token() throws -> String? {
        let environment = ProcessInfo.processInfo.environment
        guard let path = tokenFile ?? environment["TOLLGATE_TOKEN_FILE"] else { return environment["TOLLGATE_TOKEN"] }
        return try TokenFile.read(path)
    }

    private func text(of reply: (line: String, value: Reply)) throws -> String {
        guard json else { return reply.line }
        return try ReplyJSON.text(reply.value)
    }
}
