import Logging
import ServiceLifecycle
import TollgateLedger
import TollgateStores

/// Records every hour in Redis that this sidecar uses its library of functions, and deletes libraries that no sidecar
/// uses any more.
///
/// Usable from any thread.
final class LibraryUpkeep: Service {
    private static let interval = Duration.seconds(3_600)
    /// The pause after a failed attempt, as before there is a connection.
    private static let shortInterval = Duration.seconds(1)

    private let libraries: FunctionLibraries
    private let denials: OnceLog

    init(libraries: FunctionLibraries, logger: Logger) {
        self.libraries = libraries
        denials = OnceLog(logger)
    }

    /// Runs until graceful shutdown. Pending calls of the store have to end first.
    func run() async {
        await cancelWhenGracefulShutdown {
            var pause = Duration.zero
            repeat {
                let isDone = await self.keep()
                pause = isDone ? Self.interval : Self.shortInterval
            } while (try? await Task.sleep(for: pause)) != nil
        }
    }

    /// Returns whether Redis could be asked. The links log errors themselves.
    private func keep() async -> Bool {
        do throws(StoreError) {
            if let denial = try await libraries.keep() {
                denials.warn("cannot delete an unused library of functions: Redis denies FUNCTION DELETE: \(denial)")
            }
            return true
        } catch {
            return false
        }
    }
}
