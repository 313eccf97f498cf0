import Foundation
import NIOCore
import TollgateAdmin
import TollgateClient
import TollgatePolicy
import TollgateServer
import TollgateWire

/// What is found at an address on which the sidecar is to listen.
enum PortFinding: Sendable {
    case free
    /// The system refuses to bind it, with this error.
    case unusable(CInt)
    /// A Tollgate sidecar listens there, with this reply to STATUS. Null if it wants another token.
    case sidecar(JSONValue)
    /// Another program listens there.
    case other

    /// The time limit of the reply to STATUS.
    private static let patience = Duration.seconds(2)

    /// Asks what listens at an address for clients for its STATUS, which changes nothing.
    func asked(_ address: ListenAddress, token: String?) async -> PortFinding {
        if case .other = self { await Self.ask(address, token) } else { self }
    }

    /// Finds out whether an address is free. Sends nothing to what listens there. Blocks while a host name is resolved.
    init(using address: ListenAddress) {
        switch address {
        case .tcp:
            let error = address.bindingError
            self = error == EADDRINUSE ? .other : error.map { .unusable($0) } ?? .free
        case .unix(let path):
            guard let status = FileStatus(path: path, followsLinks: false) else {
                let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
                self = access(folder, W_OK | X_OK) == 0 ? .free : .unusable(errno)
                return
            }
            guard status.kind == .socket else {
                self = .unusable(ENOTSOCK)
                return
            }
            // The sidecar replaces a socket that no process listens on.
            self = UnixSocketFile.isAnswered(path) ? .other : .free
        }
    }

    private static func ask(_ address: ListenAddress, _ token: String?) async -> PortFinding {
        guard let address = try? TollgateAddress(parsing: address.description) else { return .other }
        let client = TollgateClient(address, token: token, deadline: patience)
        defer { Task { await client.shutdown() } }
        do {
            let line = try await client.send(RequestLine.make(.status, []))
            guard let status = JSONValue(text: line), status["process_id"] != .null else {
                return line.hasPrefix("ERR unauthenticated") ? .sidecar(.null) : .other
            }
            return .sidecar(status)
        } catch TollgateClientError.refused("unauthenticated", _) {
            return .sidecar(.null)
        } catch {
            return .other
        }
    }
}

/// The checks of ports, and of the sidecar that runs with these settings. Pure.
enum PortChecks {
    /// The checks of the addresses for clients, and of the sidecar that listens there.
    ///
    /// - Parameter holder: The process id in the lock of the data folder, if the lock is held.
    static func clients(_ found: [(address: ListenAddress, finding: PortFinding)], holder: Int32?) -> [DoctorCheck] {
        found.map { check($0.address, $0.finding, holder) }
    }

    /// The check of the address of the admin API, or of the listener for metrics.
    ///
    /// - Parameters:
    ///   - option: The option without its dashes, which is also the field of STATUS.
    ///   - statuses: The replies to STATUS on the addresses for clients.
    static func http(
        _ option: String, _ address: ListenAddress, _ finding: PortFinding, statuses: [JSONValue]
    ) -> DoctorCheck {
        let name = "\(option) \(address)"
        switch finding {
        case .free: return DoctorCheck(name, .ok, "free")
        case .unusable(let code): return unusable(name, code, "--\(option)")
        case .sidecar, .other:
            if statuses.contains(where: { $0[option].string == address.description }) {
                return DoctorCheck(name, .ok, "in use by the running sidecar")
            }
            return DoctorCheck(
                name, .error, "in use by another program", "stop it, or choose another --\(option), or off")
        }
    }

    private static func check(_ address: ListenAddress, _ finding: PortFinding, _ holder: Int32?) -> DoctorCheck {
        let name = "listen \(address)"
        switch finding {
        case .free: return DoctorCheck(name, .ok, "free")
        case .unusable(let code): return unusable(name, code, "--listen")
        case .other:
            return DoctorCheck(name, .error, "in use by another program", "stop it, or choose another --listen")
        case .sidecar(.null):
            return DoctorCheck(
                name, .error, "in use by a sidecar that wants another token",
                "name its token, or choose another --listen")
        case .sidecar(let status):
            let process = status["process_id"].text
            guard holder.map({ "\($0)" == process }) ?? false else {
                return DoctorCheck(
                    name, .error, "in use by a sidecar with another data folder, process \(process)",
                    "stop it, or choose another --listen")
            }
            return DoctorCheck(name, .ok, "in use by the running sidecar")
        }
    }

    private static func unusable(_ name: String, _ code: CInt, _ option: String) -> DoctorCheck {
        DoctorCheck(name, .error, "cannot be used: \(String(cString: strerror(code)))", "choose another \(option)")
    }

    /// The checks of a sidecar from its reply to STATUS.
    ///
    /// - Parameter known: Sentences that other checks contain already.
    static func sidecar(_ status: JSONValue, at now: Date, known: Set<String>) -> [DoctorCheck] {
        let name = "running sidecar"
        var words = ["version \(status["version"].text)", "process \(status["process_id"].text)"]
        if case .integer(let uptime) = status["uptime_seconds"] { words.append("up \(StatusText.duration(uptime))") }
        let reasons = status["not_ready"].array.map(\.text)
        let state = DoctorCheck(name, .ok, (words + (reasons.isEmpty ? ["ready"] : [])).joined(separator: ", "))
        let warnings = StatusText(status, at: now).warnings
            .map { DoctorCheck(name, .warning, fromSentence: $0) }.filter { !known.contains($0.sentence) }
        return [state]
            + reasons.map { DoctorCheck(name, .error, "not ready: \($0)", "see docs/failure-modes.md") }
            + warnings
    }
}

/// The check of the limit of open files. Pure.
enum OpenFilesCheck {
    /// - Parameters:
    ///   - status: The reply to STATUS of the running sidecar; nil if none runs.
    ///   - fitting: The connections that fit below the limit of this process.
    static func all(wanted: Int, status: JSONValue?, limit: Int, fitting: Int) -> DoctorCheck {
        let advice = "raise the hard limit (ulimit -Hn, LimitNOFILE), or lower --max-connections"
        if let status, case .integer(let max) = status["clients"]["max"] {
            let sentence = "the running sidecar accepts \(max) connections of --max-connections \(wanted)"
            return DoctorCheck("open files", max < wanted ? .warning : .ok, sentence, max < wanted ? advice : nil)
        }
        let sentence =
            "the limit of \(limit) leaves room for \(fitting) connections, and --max-connections is \(wanted)"
        return DoctorCheck("open files", fitting < wanted ? .warning : .ok, sentence, fitting < wanted ? advice : nil)
    }
}
