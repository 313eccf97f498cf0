import Logging
public import ServiceLifecycle
import TollgateCore
import UnixSignals

/// Reads the policy file again when it has changed (looked at once a second) and on SIGHUP. A bad file leaves the policy in
/// force as it is, and is reported once.
public struct PolicyReloader: Service {
    private let file: PolicyFile
    private let server: TollgateServer
    private let interval: Duration

    /// - Parameter interval: how often to look whether the file has changed.
    public init(file: PolicyFile, server: TollgateServer, interval: Duration = .seconds(1)) {
        self.file = file
        self.server = server
        self.interval = interval
    }

    /// Returns on graceful shutdown or cancellation.
    public func run() async {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watch() }
                group.addTask { await reloadOnHangUp() }
            }
        }
    }

    private func watch() async {
        var known = file.firstStamp
        while (try? await Task.sleep(for: interval)) != nil {
            guard file.stamp != known else { continue }
            known = await settledStamp()
            server.reload(file)
        }
    }

    /// A file that is written in place is empty or half there for a moment: waits until two looks in a row see the same.
    private func settledStamp() async -> PolicyFile.Stamp? {
        var stamp = file.stamp
        while (try? await Task.sleep(for: interval / 10)) != nil {
            let next = file.stamp
            guard next != stamp else { break }
            stamp = next
        }
        return stamp
    }

    private func reloadOnHangUp() async {
        for await _ in await UnixSignalsSequence(trapping: .sighup) {
            server.reload(file)
        }
    }
}
