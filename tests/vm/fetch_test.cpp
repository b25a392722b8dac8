#include "vm/fetch.h"

#include <gmock/gmock.h>

#include "vm/apt.h"

namespace vm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(FetchPackages, OnlyKernelsForVirtualMachines) {
  EXPECT_EQ(packaged_release("linux-image-6.1.0-56-cloud-amd64"), "6.1.0-56-cloud-amd64");
  EXPECT_EQ(packaged_release("linux-image-6.8.0-50-generic"), "6.8.0-50-generic");
  for (const auto* package :
       {"linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64-dbg",
        "linux-image-6.1.0-56-amd64-unsigned", "linux-image-unsigned-6.8.0-50-generic",
        "linux-image-6.1.0-56-cloud-arm64", "linux-image-", "linux-image-6.1.0-56-rt-amd64", "vim"}) {
    EXPECT_FALSE(packaged_release(package)) << package;
  }
}

TEST(FetchPackages, CloudBeforeGenericNewerBeforeOlder) {
  const std::vector<std::string> packages{"linux-image-6.1.0-9-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64",
                                          "linux-image-6.12.117+deb12-cloud-amd64", "linux-image-6.1.0-99-generic"};
  EXPECT_THAT(choose_releases(packages, "6.1"),
              ElementsAre("6.1.0-56-cloud-amd64", "6.1.0-9-cloud-amd64", "6.1.0-99-generic"));
  EXPECT_THAT(choose_releases(packages, "6.12"), ElementsAre("6.12.117+deb12-cloud-amd64"));
  EXPECT_THAT(choose_releases(packages, "6.6"), IsEmpty());
}

TEST(FetchPackages, Debian13sKernelsNeedQemu10) {
  EXPECT_FALSE(runs_steadily("6.12.107+deb13-cloud-amd64", "7.2.22"));
  EXPECT_FALSE(runs_steadily("7.2.13+deb14-cloud-amd64", "9.2.0"));
  EXPECT_TRUE(runs_steadily("6.12.107+deb13-cloud-amd64", "10.0.2"));
  EXPECT_TRUE(runs_steadily("6.12.117+deb12-cloud-amd64", "7.2.22"));
  EXPECT_TRUE(runs_steadily("6.1.0-56-cloud-amd64", "7.2.22"));
}

TEST(FetchMirror, SecurityLivesBesideTheMirror) {
  EXPECT_EQ(
      mirror_sources("http://mirror.example/debian/", {}),
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm main\n"
      "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian-security "
      "bookworm-security main\n");
  EXPECT_EQ(mirror_sources("http://mirror.example/debian", {"sid"}),
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian sid main\n");
}

}  // namespace
}  // namespace vm
