// A server made of Go's x/crypto/ssh: main MATERIAL PORT
//
// Takes the password, prompts and keys of MATERIAL, runs what it is asked to,
// and forwards connections. Builds with Debian's packages alone.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

var errRefused = errors.New("refused")

func read(name string) []byte {
	data, err := os.ReadFile(filepath.Join(os.Args[1], name))
	if err != nil {
		log.Fatal(err)
	}
	return data
}

func authorized() map[string]bool {
	keys := map[string]bool{}
	rest := read("authorized_keys")
	for len(bytes.TrimSpace(rest)) > 0 {
		key, _, _, after, err := ssh.ParseAuthorizedKey(rest)
		if err != nil {
			log.Fatal(err)
		}
		keys[string(key.Marshal())] = true
		rest = after
	}
	return keys
}

func config() *ssh.ServerConfig {
	password := strings.TrimRight(string(read("password")), "\n")
	keys := authorized()
	check := func(given string) (*ssh.Permissions, error) {
		if given != password {
			return nil, errRefused
		}
		return nil, nil
	}
	c := &ssh.ServerConfig{
		PasswordCallback: func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			return check(string(given))
		},
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			answers, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || len(answers) != 1 {
				return nil, errRefused
			}
			return check(answers[0])
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if !keys[string(key.Marshal())] {
				return nil, errRefused
			}
			return nil, nil
		},
		AuthLogCallback: func(c ssh.ConnMetadata, method string, err error) {
			log.Printf("attempt %s %s %s: %v", method, c.User(), c.ClientVersion(), err)
		},
	}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		signer, err := ssh.ParsePrivateKey(read("host_" + kind))
		if err != nil {
			log.Fatal(err)
		}
		c.AddHostKey(signer)
	}
	return c
}

// The requests of one session channel; its first exec is run.
func session(channel ssh.Channel, requests <-chan *ssh.Request) {
	for request := range requests {
		var exec struct{ Command string }
		if request.Type != "exec" || ssh.Unmarshal(request.Payload, &exec) != nil {
			request.Reply(false, nil)
			continue
		}
		request.Reply(true, nil)
		go execute(channel, exec.Command)
	}
}

func execute(channel ssh.Channel, command string) {
	defer channel.Close()
	child := exec.Command("/bin/sh", "-c", command)
	child.Stdout = channel
	child.Stderr = channel.Stderr()
	// Not child.Stdin = channel: Wait would wait for the client's end of file.
	input, err := child.StdinPipe()
	if err != nil {
		return
	}
	go func() {
		io.Copy(input, channel)
		input.Close()
	}()
	child.Run()
	status := struct{ Status uint32 }{uint32(child.ProcessState.ExitCode())}
	channel.SendRequest("exit-status", false, ssh.Marshal(&status))
}

// RFC 4254, section 7.2.
func forward(wanted ssh.NewChannel) {
	var to struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(wanted.ExtraData(), &to); err != nil {
		wanted.Reject(ssh.ConnectionFailed, "not a direct-tcpip request")
		return
	}
	target, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		wanted.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer target.Close()
	channel, requests, err := wanted.Accept()
	if err != nil {
		return
	}
	defer channel.Close()
	go ssh.DiscardRequests(requests)
	done := make(chan struct{})
	go func() {
		io.Copy(channel, target)
		channel.CloseWrite()
		close(done)
	}()
	io.Copy(target, channel)
	target.(*net.TCPConn).CloseWrite()
	<-done
}

func serve(connection net.Conn, c *ssh.ServerConfig) {
	defer connection.Close()
	_, channels, requests, err := ssh.NewServerConn(connection, c)
	if err != nil {
		log.Printf("connection: %v", err)
		return
	}
	go ssh.DiscardRequests(requests)
	for wanted := range channels {
		switch wanted.ChannelType() {
		case "session":
			if channel, requests, err := wanted.Accept(); err == nil {
				go session(channel, requests)
			}
		case "direct-tcpip":
			go forward(wanted)
		default:
			wanted.Reject(ssh.UnknownChannelType, "only sessions and direct-tcpip")
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "main MATERIAL PORT")
		os.Exit(2)
	}
	c := config()
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(connection, c)
	}
}
