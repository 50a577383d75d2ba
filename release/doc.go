// Release makes what a version is published as, from a clean checkout: archives, packages for
// Debian and Fedora, a bill of materials, and digests of it all. The same commit gives the same
// octets, whoever makes them by the same version of Go, and wherever:
//
//	release build SOURCE OUT            # archives, packages, SHA256SUMS
//	release licences SOURCE             # prints the licences of all that the programs are made of
//	release detach SOURCE VERSION       # has nested modules require VERSION, and not the folder above
//	release proxy SOURCE VERSION OUT    # a file-system proxy for the go command with the modules of SOURCE
//
// It knows no secrets: nothing is signed, and nothing sent anywhere. The script build runs it
// twice, compares, and tries the result.
package main
