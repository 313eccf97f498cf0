/// A TCP port on 127.0.0.1 that was free a moment ago; nil where there is none.
package func findFreePort() -> Int? {
    guard let holder = try? PortHolder() else { return nil }
    holder.release()
    return holder.number
}
