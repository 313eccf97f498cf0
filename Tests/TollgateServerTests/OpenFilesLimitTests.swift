import Testing

@testable import TollgateServer

@Suite struct OpenFilesLimitTests {
    @Test(
        "beside clients there is room for everything else, and with a low limit for half of it",
        arguments: [(1_024, 4, 688), (20_000, 3, 19_668), (256, 4, 128), (20, 4, 10), (1, 4, 1)])
    func connections(limit: Int, eventLoops: Int, expected: Int) {
        #expect(OpenFiles.connections(below: limit, eventLoops: eventLoops) == expected)
    }
}
