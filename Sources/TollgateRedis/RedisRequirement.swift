/// A condition that a Redis must meet besides its version: commands for every new connection, and a check of their
/// replies.
package struct RedisRequirement: Sendable {
    let commands: [[String]]
    /// Returns the reason why Redis cannot be used, or nil where it can. The replies are in the order of the commands.
    let fault: @Sendable ([RedisReply]) -> String?

    /// Creates a requirement.
    ///
    /// - Parameter fault: Returns a sentence, or nil where Redis can be used. Called on the link's event loop.
    package init(commands: [[String]], fault: @escaping @Sendable ([RedisReply]) -> String?) {
        self.commands = commands
        self.fault = fault
    }
}
