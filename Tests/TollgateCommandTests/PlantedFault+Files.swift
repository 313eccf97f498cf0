import Foundation
import TollgateTestSupport

/// Faults of files and ports.
extension PlantedFault {
    private static let shortToken = "short"

    func plantInFolder(_ system: inout DoctorSystem) async throws -> Expected {
        switch self {
        case .folderIsFile:
            system.data = try system.folder.write("", to: "file")
            return [("data folder", "error", "is not a folder")]
        case .folderCannotBeCreated:
            system.data = try system.folder.write("", to: "file") + "/data"
            return [("data folder", "error", "cannot be created in ")]
        case .folderIsOpen:
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: system.data)
            return [("data folder", "warning", "has mode 755")]
        case .fullDisk:
            let disk = try SmallDisk()
            system.keptAlive.append(disk)
            system.data = disk.path + "/data"
            return [("disk", "error", "MiB free")]
        case .journalDamaged:
            try "not a database".write(toFile: system.data + "/journal.sqlite", atomically: true, encoding: .utf8)
            return [("journal", "error", "cannot be used: the file is not a database")]
        case .journalOfLaterVersion:
            try await system.leaveJournal()
            let code = """
                import sqlite3, sys
                database = sqlite3.connect(sys.argv[1])
                database.execute("INSERT INTO grdb_migrations VALUES ('of the future')")
                database.commit()
                """
            _ = try await Command.run(Python.program, ["-c", code, system.data + "/journal.sqlite"])
            return [("journal", "error", "a later version of tollgate has written the file")]
        default:
            try await system.leaveJournal(rejected: 3)
            return [
                ("journal", "warning", "has 3 rows of usage that Redis has refused, the last one because: the key has")
            ]
        }
    }

    func plantInFiles(_ system: inout DoctorSystem) throws -> Expected {
        let folder = system.folder
        func option(_ name: String, _ text: String, mode: Int = 0o600) throws {
            let path = try folder.write(text, to: name)
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            system.options += ["--\(name)", path]
        }
        switch self {
        case .policyMissing:
            try FileManager.default.removeItem(atPath: folder.path + "/tollgate.yaml")
            return [("policy", "error", "does not exist")]
        case .policyInvalid:
            try folder.write("defaults: { user: { requests: { 1x: 10 } } }\nhistroy: [user]\n", to: "tollgate.yaml")
            return [
                ("policy", "error", "tollgate.yaml:1: defaults.user.requests.1x"), ("policy", "error", ":2: histroy"),
            ]
        case .policyWarning:
            try folder.write(
                "defaults: { user: { requests: { 1m: 10, 2m: 100 } } }\n", to: "tollgate.yaml")
            return [("policy", "warning", "requests")]
        case .pricesInvalid:
            try option("prices", "prices: [")
            return [("prices", "error", "prices:1")]
        case .accessInvalid:
            try option("admin-access", "tokens: [{ name: ops, role: king, token: \"0123456789abcdef0\" }]\n")
            return [("access file", "error", "expected admin, viewer, caller or metrics")]
        case .alertsInvalid:
            try option("alerts", "receivers: [{ name: billing, type: pigeon }]\n")
            return [("alerts file", "error", "alerts:1")]
        case .tokenShort:
            try option("token-file", Self.shortToken)
            return [("token", "error", "expected 16 to 512 bytes")]
        case .tokenReadable:
            try option("token-file", "0123456789abcdef0", mode: 0o644)
            return [("token", "warning", "is readable by others")]
        default:
            let path = system.data + "/admin-token"
            try "0123456789abcdef0".write(toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
            return [("admin token", "error", "is readable by others")]
        }
    }

    func plantInPorts(_ system: inout DoctorSystem) async throws -> Expected {
        switch self {
        case .portTaken:
            let other = try TestRedis(tcp: true)
            system.keptAlive.append(other)
            let address = "127.0.0.1:\(other.port ?? 0)"
            system.options = ["--listen", address]
            return [("listen \(address)", "error", "in use by another program")]
        case .adminTaken:
            let other = try TestRedis(tcp: true)
            system.keptAlive.append(other)
            let address = "127.0.0.1:\(other.port ?? 0)"
            system.options = ["--admin", address]
            return [("admin \(address)", "error", "in use by another program")]
        case .metricsTaken:
            let other = try TestRedis(tcp: true)
            system.keptAlive.append(other)
            let address = "127.0.0.1:\(other.port ?? 0)"
            system.options = ["--metrics", address]
            return [("metrics \(address)", "error", "in use by another program")]
        case .refusedByProfile:
            system.options = ["--listen", "127.0.0.1:0", "--profile", "prod"]
            return [("profile prod", "error", "--listen 127.0.0.1:0: every user of this host can spend")]
        case .otherSidecarsPort:
            let other = try await Sidecar(policy: "")
            system.keptAlive.append(other)
            system.options = ["--listen", "127.0.0.1:\(other.port)"]
            return [
                (
                    "listen 127.0.0.1:\(other.port)", "error",
                    "a sidecar with another data folder, process \(other.process.processIdentifier)"
                )
            ]
        case .otherToken:
            let other = try await Sidecar(policy: "", token: "0123456789abcdef0")
            system.keptAlive.append(other)
            system.options = ["--listen", "127.0.0.1:\(other.port)"]
            return [("listen 127.0.0.1:\(other.port)", "error", "wants another token")]
        case .notReady:
            let sidecar = try await SidecarProcess(
                policy: DoctorSystem.policy, arguments: system.arguments(listens: false), folder: system.folder)
            system.keptAlive.append(sidecar)
            system.options = ["--listen", "unix:\(sidecar.socketPath)"]
            system.redis.stop()
            try await eventually { try await sidecar.ask("GET", "/readyz").status == 503 }
            return [
                ("Redis", "error", "no connection"), ("running sidecar", "error", "not ready: no connection to Redis"),
            ]
        default:
            system.prefix = "ulimit -n 400;"
            return [("open files", "warning", "the limit of 400 leaves room for ")]
        }
    }
}
