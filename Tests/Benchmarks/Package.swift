// swift-tools-version: 6.2
import PackageDescription

// Apart from the main package, so that nobody who uses Sotto builds it. Scripts/bench runs it.
let package = Package(
    name: "benchmarks",
    dependencies: [.package(name: "sotto", path: "../..")],
    targets: [
        .executableTarget(name: "coap-load"),
        .executableTarget(
            name: "coap-memory", dependencies: [.product(name: "ConformanceSite", package: "sotto")]),
    ]
)
