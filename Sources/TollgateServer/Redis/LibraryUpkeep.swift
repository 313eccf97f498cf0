import Logging
import Synchronization
import TollgateLedger
import TollgateStores

/// Notes every hour that this sidecar uses its library of functions, and deletes those that no sidecar uses any more.
///
/// Usable from any thread.
final class LibraryUpkeep: Sendable {
    private static let interval = Duration.seconds(3_600)
    /// After an attempt that came to nothing, as before there is a connection.
    private static let shortInterval = Duration.seconds(1)

    private let denials: OnceLog
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(logger: Logger) {
        denials = OnceLog(logger)
    }

    func start(_ libraries: FunctionLibraries) {
        let task = Task {
            var pause = Duration.zero
            repeat {
                let isDone = await self.keep(libraries)
                pause = isDone ? Self.interval : Self.shortInterval
            } while (try? await Task.sleep(for: pause)) != nil
        }
        self.task.withLock { $0 = task }
    }

    /// What its store asks has to have ended, or to end soon.
    func stop() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    /// Returns whether Redis could be asked; what it says against it is reported by others.
    private func keep(_ libraries: FunctionLibraries) async -> Bool {
        do throws(StoreError) {
            if let denial = try await libraries.keep() {
                denials.warn("an unused library of functions stays in Redis, which denies FUNCTION DELETE: \(denial)")
            }
            return true
        } catch {
            return false
        }
    }
}
